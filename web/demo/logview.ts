import { OFFLINE, Refused, type Account, type Room, type Undo } from "../sdk";
import { arrange, el, soon } from "./dom";
import { icon } from "./icons";
import { itemsOf, type Item } from "./messages";

/** Distances in pixels: what counts as the end, and where older messages are read. */
const NEAR_END = 60;
const NEAR_START = 240;

/** LogView shows the conversation, follows it, and reads older parts when needed. */
export class LogView {
	readonly #account: Account;
	readonly #room: Room;
	readonly #start = el("li", { class: "log-start" });
	readonly #list = el("ol", { class: "messages" });
	readonly #scroller: HTMLElement;
	readonly #jump = el("button", { type: "button", class: "jump", hidden: true }, "New messages", icon("down"));
	readonly #empty: HTMLElement;
	readonly #shown = new Map<string, { look: string; node: HTMLLIElement }>();
	readonly #undo: Undo[];
	readonly #resized: ResizeObserver;
	readonly element: HTMLElement;
	#atEnd = true;
	#first = "";
	#reading = false;
	#newCount = 0;
	#newFrom: string | null = null;
	#stuck = false;

	/** moved is called when the end of the log comes into sight or leaves it. */
	constructor(account: Account, room: Room, empty: HTMLElement, moved: () => void) {
		this.#account = account;
		this.#room = room;
		this.#empty = empty;
		this.#scroller = el("section", { class: "log", tabindex: 0, "aria-label": "Messages" }, this.#list, this.#empty);
		this.element = el("div", { class: "log-frame" }, this.#scroller, this.#jump);
		const render = soon(() => this.#render());
		this.#undo = [room.on("change", render), account.identities.on("change", render)];
		this.#scroller.addEventListener("scroll", () => this.#scrolled(moved), { passive: true });
		this.#jump.addEventListener("click", () => this.toEnd());
		this.#resized = new ResizeObserver(() => this.#atEnd && this.toEnd());
		this.#resized.observe(this.#scroller);
		this.#resized.observe(this.#list);
		this.#render();
	}

	/** Whether the newest message is in sight. */
	get atEnd(): boolean {
		return this.#atEnd;
	}

	close(): void {
		this.#resized.disconnect();
		for (const undo of this.#undo) undo();
	}

	toEnd(): void {
		this.#atEnd = true;
		this.#jump.hidden = true;
		this.#scroller.scrollTop = this.#scroller.scrollHeight;
	}

	/** markNew draws a line before so many messages of others. */
	markNew(count: number): void {
		this.#newCount = count;
		this.#render();
	}

	#scrolled(moved: () => void): void {
		const box = this.#scroller;
		const was = this.#atEnd;
		this.#atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END;
		if (this.#atEnd) this.#jump.hidden = true;
		if (was !== this.#atEnd) moved();
		this.#readOlder();
	}

	#render(): void {
		const chat = this.#room.chat;
		this.#placeNewLine();
		const items = itemsOf({
			self: this.#account.id,
			identities: this.#account.identities,
			messages: chat.messages,
			outbox: chat.outbox,
			newFrom: this.#newFrom,
			retry: (key) => chat.retry(key),
			discard: (key) => chat.discard(key),
		});
		const height = this.#scroller.scrollHeight;
		const grew = items.length > this.#shown.size;
		const first = chat.messages[0]?.msgId ?? "";
		const older = first !== this.#first && this.#first !== "";
		arrange(this.#list, [this.#startLine(items.length), ...this.#nodes(items)]);
		this.#empty.hidden = !chat.loaded || items.length > 0;
		this.#first = first;
		if (this.#atEnd) this.toEnd();
		else if (older) this.#scroller.scrollTop += this.#scroller.scrollHeight - height;
		else if (grew) this.#jump.hidden = false;
		this.#readOlder();
	}

	/** nodes makes the lines that are new or look different. */
	#nodes(items: Item[]): HTMLLIElement[] {
		const gone = new Set(this.#shown.keys());
		const nodes = items.map((item) => {
			gone.delete(item.key);
			const old = this.#shown.get(item.key);
			if (old?.look === item.look) return old.node;
			const node = item.make();
			this.#shown.set(item.key, { look: item.look, node });
			return node;
		});
		for (const key of gone) this.#shown.delete(key);
		return nodes;
	}

	#startLine(shown: number): HTMLLIElement {
		const chat = this.#room.chat;
		let line: Node | string = "";
		if (!chat.loaded) line = this.#room.here ? "Loading messages…" : "";
		else if (chat.complete && shown > 0) line = "The conversation began here.";
		else if (this.#stuck)
			line = el(
				"button",
				{ type: "button", class: "text-button", onclick: () => this.#again() },
				"Load older messages",
			);
		else if (shown > 0) line = "Loading older messages…";
		this.#start.replaceChildren(line);
		return this.#start;
	}

	/** placeNewLine finds where the line of new messages belongs, once they are here. */
	#placeNewLine(): void {
		const chat = this.#room.chat;
		if (this.#newCount === 0 || !chat.loaded) return;
		const others = chat.messages.filter((m) => m.fromId !== this.#account.id);
		this.#newFrom = others[Math.max(0, others.length - this.#newCount)]?.msgId ?? null;
		this.#newCount = 0;
	}

	#again(): void {
		this.#stuck = false;
		this.#readOlder();
	}

	#readOlder(): void {
		const chat = this.#room.chat;
		if (this.#reading || !this.#room.here || this.#stuck || chat.complete || chat.messages.length === 0) return;
		if (this.#scroller.scrollTop > NEAR_START || this.#scroller.clientHeight === 0) return;
		this.#reading = true;
		chat
			.older()
			.catch((err) => void (this.#stuck = !(err instanceof Refused && err.code === OFFLINE)))
			.finally(() => {
				this.#reading = false;
				this.#render();
			});
	}
}
