import { Emitter } from "./events";
import { NO_ANSWER, OFFLINE, Refused } from "./requests";
import {
	fields,
	readFrame,
	readLogPage,
	readMessage,
	readMessageEvent,
	text,
	type AccountId,
	type Message,
} from "./types";

/** Outgoing is a message of ours that the server has not confirmed. */
export interface Outgoing {
	readonly key: number;
	readonly text: string;
	readonly time: number;
	/** waiting: for the connection; failed: until retry or discard is called */
	status: "waiting" | "sending" | "failed";
	/** why it failed: a code, and a text if the server gave one */
	failure: { code: string; text: string | null } | null;
	/** it was sent over a connection that was lost: perhaps it arrived */
	unsure: boolean;
}

export interface ChatEvents {
	/** The log or the outgoing messages are different now. */
	change: null;
	/** Somebody else's message has just been written. */
	message: Message;
	/** Others started or stopped typing. */
	typing: null;
}

/** ChatPort is what a chat needs of its room. */
export interface ChatPort {
	readonly self: AccountId | null;
	send(type: string, data: unknown): boolean;
	ask(type: string, data: unknown): Promise<unknown>;
}

/** Times in milliseconds. */
const CATCH_UP_AGAIN = 3_000;
const TYPING_AGAIN = 4_000;
const TYPING_ENDS = 6_000;
const TYPING_FORGOTTEN = 10_000;

/** The largest page of the log that the server gives out. */
const PAGE = 100;

/** Chat is the conversation in a room (docs/protocol.md 8). */
export class Chat extends Emitter<ChatEvents> {
	readonly #port: ChatPort;
	#messages: Message[] = [];
	readonly #ids = new Set<string>();
	#outbox: Outgoing[] = [];
	#lastKey = 0;
	#loaded = false;
	#complete = false;
	#loading: Promise<void> | null = null;
	#connected = false;
	/** everything up to this time is here; behind it there may be gaps */
	#gapless = 0;
	#catchingUp = 0;
	#again: ReturnType<typeof setTimeout> | undefined;
	#confirmed = "";
	#errorText: { message: string; text: string } | null = null;
	readonly #typists = new Map<AccountId, ReturnType<typeof setTimeout>>();
	#typingSent = 0;
	#typingEnds: ReturnType<typeof setTimeout> | undefined;

	constructor(port: ChatPort) {
		super();
		this.#port = port;
	}

	/** The known part of the log, oldest first. */
	get messages(): readonly Message[] {
		return this.#messages;
	}

	/** Our messages that are not in the log yet, oldest first. */
	get outbox(): readonly Outgoing[] {
		return this.#outbox;
	}

	/** Whether the newest messages have been read from the server. */
	get loaded(): boolean {
		return this.#loaded;
	}

	/** Whether nothing older exists. */
	get complete(): boolean {
		return this.#complete;
	}

	get typists(): AccountId[] {
		return [...this.#typists.keys()];
	}

	get last(): Message | undefined {
		return this.#messages[this.#messages.length - 1];
	}

	/** open reads the newest messages, once. */
	open(): Promise<void> {
		if (this.#loaded) return Promise.resolve();
		return this.#once(async () => {
			const page = readLogPage(await this.#port.ask("log", null));
			this.#loaded = true;
			this.#complete = page === null || page.length === 0;
			this.#add(page ?? []);
			this.emit("change", null);
		});
	}

	/** older reads the page before the oldest message. */
	older(): Promise<void> {
		const first = this.#messages[0];
		if (!first || this.#complete) return Promise.resolve();
		return this.#once(async () => {
			const page = readLogPage(await this.#port.ask("log", { firstId: first.msgId, firstTime: first.time }));
			this.#complete = page === null || page.length === 0;
			this.#add(page ?? []);
			this.emit("change", null);
		});
	}

	/** once lets one page be read at a time. */
	#once(read: () => Promise<void>): Promise<void> {
		this.#loading ??= read().finally(() => (this.#loading = null));
		return this.#loading;
	}

	/** write sends a text, now or when the connection is back. */
	write(words: string): void {
		const outgoing: Outgoing = {
			key: ++this.#lastKey,
			text: words,
			time: Date.now(),
			status: "waiting",
			failure: null,
			unsure: false,
		};
		this.#outbox.push(outgoing);
		this.typing(false);
		this.#sendWaiting();
		this.emit("change", null);
	}

	/** retry sends again what has failed. */
	retry(key: number): void {
		for (const o of this.#outbox) if (o.key === key && o.status === "failed") o.status = "waiting";
		this.#sendWaiting();
		this.emit("change", null);
	}

	/** discard gives up what has failed. */
	discard(key: number): void {
		this.#outbox = this.#outbox.filter((o) => o.key !== key || o.status !== "failed");
		this.emit("change", null);
	}

	/** typing tells the others whether we are writing; call it at every key. */
	typing(now: boolean): void {
		clearTimeout(this.#typingEnds);
		if (now) {
			this.#typingEnds = setTimeout(() => this.typing(false), TYPING_ENDS);
			if (Date.now() - this.#typingSent < TYPING_AGAIN) return;
			if (this.#port.send("state", { type: "set-typing" })) this.#typingSent = Date.now();
		} else if (this.#typingSent > 0) {
			this.#typingSent = 0;
			this.#port.send("state", { type: "clear-typing" });
		}
	}

	/** confirm tells the server that everything up to the newest message is read. */
	confirm(): void {
		const id = this.last?.msgId;
		if (!id || id === this.#confirmed) return;
		if (this.#port.send("confirm", { type: "message", eventId: id })) this.#confirmed = id;
	}

	/** receive takes a chat event of the room. */
	receive(data: unknown): void {
		const e = readFrame(data);
		if (e?.type === "msg") this.#written(readMessage(e.data));
		else if (e?.type === "state") this.#typingTold(e.data);
		else if (e?.type === "error") this.#errorTold(e.data);
	}

	/** disconnected keeps what was not confirmed for the next connection. */
	disconnected(): void {
		this.#connected = false;
		this.#catchingUp++;
		clearTimeout(this.#again);
		this.#typingSent = 0;
		this.#confirmed = "";
		for (const id of this.typists) this.#forgetTypist(id);
		this.emit("change", null);
	}

	/** connected reads what was written meanwhile and sends what waits. */
	async connected(): Promise<void> {
		const turn = ++this.#catchingUp;
		clearTimeout(this.#again);
		try {
			if (this.#loaded) await this.#catchUp();
		} catch (err) {
			const offline = err instanceof Refused && err.code === OFFLINE;
			if (!offline && turn === this.#catchingUp) this.#again = setTimeout(() => void this.connected(), CATCH_UP_AGAIN);
			return;
		}
		if (turn !== this.#catchingUp) return;
		this.#connected = true;
		this.#gapless = this.last?.time ?? 0;
		this.#sendWaiting();
		this.emit("change", null);
	}

	async #catchUp(): Promise<void> {
		for (let from = this.#gapless, full = true; full;) {
			const page = readLogPage(await this.#port.ask("log", from ? { lastTime: from, length: PAGE } : null)) ?? [];
			if (from === 0 && page.length > 0) this.#complete = false;
			this.#addNews(page);
			const newest = page[page.length - 1];
			full = page.length >= PAGE && newest !== undefined && newest.time > from;
			from = newest?.time ?? from;
		}
		this.emit("change", null);
	}

	/** written takes a message that was sent to everybody just now. */
	#written(m: Message | null): void {
		if (!m || this.#ids.has(m.msgId)) return;
		if (m.fromId !== null) this.#forgetTypist(m.fromId);
		this.#addNews([m]);
		if (m.fromId !== this.#port.self) this.emit("message", m);
		this.emit("change", null);
	}

	/** add puts messages in their places, each once. */
	#add(messages: Message[]): void {
		const fresh = messages.filter((m) => !this.#ids.has(m.msgId));
		if (fresh.length === 0) return;
		for (const m of fresh) this.#ids.add(m.msgId);
		const sorted = this.#messages.length === 0 || fresh[0]!.time > this.#messages[this.#messages.length - 1]!.time;
		this.#messages = this.#messages.concat(fresh);
		if (!sorted) this.#messages.sort((a, b) => a.time - b.time);
		if (this.#connected || this.#gapless === 0) this.#gapless = this.last?.time ?? 0;
	}

	/** addNews adds messages among which are those that we have sent. */
	#addNews(messages: Message[]): void {
		for (const m of messages) if (!this.#ids.has(m.msgId)) this.#arrived(m);
		this.#add(messages);
	}

	/** arrived finds the outgoing message that a message of ours was. */
	#arrived(m: Message): void {
		if (m.fromId === null || m.fromId !== this.#port.self) return;
		const n = this.#outbox.findIndex((o) => o.text === m.text && (o.status === "sending" || o.unsure));
		if (n >= 0) this.#outbox.splice(n, 1);
	}

	#sendWaiting(): void {
		if (!this.#connected) return;
		for (const o of this.#outbox) if (o.status === "waiting") void this.#send(o);
	}

	async #send(o: Outgoing): Promise<void> {
		o.status = "sending";
		o.failure = null;
		o.unsure = false;
		try {
			const m = readMessageEvent(await this.#port.ask("msg", { message: o.text }));
			this.#outbox = this.#outbox.filter((other) => other !== o);
			this.#add(m ? [m] : []);
		} catch (err) {
			this.#notSent(o, err);
		}
		this.emit("change", null);
	}

	#notSent(o: Outgoing, err: unknown): void {
		const code = err instanceof Refused ? err.code : "ERR_UNKNOWN";
		o.unsure = code === OFFLINE || code === NO_ANSWER;
		if (code === OFFLINE) {
			o.status = "waiting";
			return;
		}
		o.status = "failed";
		const said = this.#errorText; // the server repeats the message, perhaps not all of it
		o.failure = { code, text: said && o.text.startsWith(said.message) ? said.text : null };
	}

	/** errorTold keeps the words for the refusal that follows (docs/protocol.md 8.5). */
	#errorTold(data: unknown): void {
		const f = fields(data);
		const message = text(f?.message);
		const words = text(f?.text);
		if (message !== null && words !== null) this.#errorText = { message, text: words };
	}

	#typingTold(data: unknown): void {
		const from = text(fields(data)?.fromId);
		const state = readFrame(fields(data)?.state);
		if (from === null || from === this.#port.self) return;
		this.#forgetTypist(from);
		if (state?.type === "set-typing") {
			this.#typists.set(
				from,
				setTimeout(() => this.#forgetTypist(from), TYPING_FORGOTTEN),
			);
			this.emit("typing", null);
		}
	}

	#forgetTypist(id: AccountId): void {
		clearTimeout(this.#typists.get(id));
		if (this.#typists.delete(id)) this.emit("typing", null);
	}
}
