import type { Account, Identity, Room, Undo } from "../sdk";
import { avatar, withPresence } from "./avatar";
import { errorLine } from "./dialog";
import { el, fill, setText, soon } from "./dom";
import { count } from "./format";
import { icon, type IconName } from "./icons";
import { reason } from "./words";

/** What can be done with a room. */
export interface RoomActions {
	name(): void;
	add(): void;
	invite(): void;
	leave(): void;
}

const HIDING =
	"Sound and picture then go through the server, so that nobody learns where the others are. Counts from the next call on.";

let lastId = 0;

/** Details shows who is in a room and what can be done with it. */
export class Details {
	readonly #account: Account;
	readonly #room: Room;
	readonly #heading = el("h2", {});
	readonly #people = el("ul", { class: "people" });
	readonly #name = el("button", { type: "button", class: "row-button" });
	readonly #hide = el("input", { type: "checkbox", id: `hide-addresses-${++lastId}` });
	readonly #hiding: HTMLElement;
	readonly #hideError = errorLine();
	readonly #undo: Undo[];
	readonly element: HTMLElement;
	#saving = false;

	constructor(account: Account, room: Room, actions: RoomActions) {
		this.#account = account;
		this.#room = room;
		this.#name.addEventListener("click", actions.name);
		this.#hide.addEventListener("change", () => void this.#hideAddresses());
		this.#hiding = el(
			"div",
			{ class: "rows choice", hidden: true },
			el("label", { for: this.#hide.id }, this.#hide, "Hide addresses in calls"),
			el("p", { class: "help", id: `${this.#hide.id}-help` }, HIDING),
			this.#hideError,
		);
		this.#hide.setAttribute("aria-describedby", `${this.#hide.id}-help`);
		this.element = el(
			"div",
			{ class: "details" },
			this.#heading,
			this.#people,
			el(
				"div",
				{ class: "rows" },
				row("addPerson", "Add a person", actions.add),
				row("link", "Invite with a link", actions.invite),
			),
			this.#hiding,
			el("div", { class: "rows" }, this.#name, row("leave", "Leave room", actions.leave, "danger-text")),
		);
		const render = soon(() => this.#render());
		this.#undo = [room.on("change", render), account.identities.on("change", render)];
		this.#render();
	}

	close(): void {
		for (const undo of this.#undo) undo();
	}

	#render(): void {
		const known = this.#room.members.map((id) => this.#account.identities.get(id)).filter((i) => i !== undefined);
		known.sort((a, b) => Number(b.isOnline) - Number(a.isOnline) || a.name.localeCompare(b.name));
		setText(this.#heading, this.#room.known ? count(this.#room.members.length, "person", "people") : "People");
		fill(this.#people, ...known.map((i) => this.#person(i)));
		this.#renderHiding();
		this.#name.hidden = !this.#room.mayRename;
		fill(this.#name, icon("tag"), this.#room.persistent ? "Rename room" : "Name this room");
	}

	#renderHiding(): void {
		const hides = this.#room.hidesAddresses;
		this.#hiding.hidden = hides === null || !this.#room.mayRename;
		this.#hide.disabled = this.#saving || !this.#room.here;
		if (!this.#saving) this.#hide.checked = hides === true;
	}

	async #hideAddresses(): Promise<void> {
		this.#saving = true;
		this.#hideError.textContent = "";
		try {
			await this.#room.hideAddresses(this.#hide.checked);
		} catch (err) {
			this.#hideError.textContent = reason(err);
		}
		this.#saving = false;
		this.#renderHiding();
	}

	#person(i: Identity): HTMLLIElement {
		const online = this.#room.here && i.isOnline; // nobody knows without a connection
		const notes = [
			this.#room.here && (online ? "online" : "offline"),
			i.clientId === this.#account.id && "you",
			i.clientId === this.#room.ownerId && "made the room",
		].filter((n) => n !== false);
		return el(
			"li",
			{ class: online ? "" : "away" },
			withPresence(avatar(i.avatar, i.name), online),
			el("span", { class: "who" }, i.name, el("small", {}, notes.join(" · "))),
		);
	}
}

function row(name: IconName, text: string, act: () => void, extra = ""): HTMLButtonElement {
	return el("button", { type: "button", class: `row-button ${extra}`, onclick: act }, icon(name), text);
}
