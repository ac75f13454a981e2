import { Chat } from "./chat";
import { Emitter } from "./events";
import type { Identities } from "./identities";
import { Live, type LivePort } from "./live";
import { Refused } from "./requests";
import {
	fields,
	readConf,
	readFrame,
	readReply,
	readState,
	text,
	type AccountId,
	type Frame,
	type Message,
	type Reply,
	type RoomConf,
	type RoomId,
} from "./types";

export interface RoomEvents {
	/** Anything of the room is different now. */
	change: null;
	/** The room got its name and stays from now on. */
	named: string;
	joined: AccountId;
	left: AccountId;
}

/** RoomPort is what a room needs of its account. */
export interface RoomPort {
	readonly self: AccountId | null;
	readonly identities: Identities;
	/** Whether the last login missed nothing (docs/protocol.md 2.6). */
	readonly resumed: boolean;
	send(event: { type: RoomId; data: unknown }): boolean;
	ask(wrap: (requestId: string) => { type: RoomId; data: unknown }): Promise<unknown>;
	settle(reply: Reply): void;
}

/** How long the state of a room may take before it is asked for again, in ms. */
const STATE_PATIENCE = 5_000;

/** Room is a room that the account is in (docs/protocol.md 7 to 10). */
export class Room extends Emitter<RoomEvents> {
	readonly id: RoomId;
	readonly chat: Chat;
	readonly live: Live;
	readonly #port: RoomPort;
	#conf: RoomConf;
	#ownerId: AccountId | null = null;
	#admins: AccountId[] = [];
	#hidesAddresses: boolean | null = null;
	#members: AccountId[] = [];
	#known = false;
	#here = false;
	#looking = false;
	#call = "";
	#unread = 0;
	#lastStored: Message | null = null;
	#again: ReturnType<typeof setTimeout> | undefined;

	constructor(conf: RoomConf, port: RoomPort) {
		super();
		this.id = conf.clientId;
		this.#conf = conf;
		this.#port = port;
		this.chat = new Chat({
			get self() {
				return port.self;
			},
			send: (type, data) => this.#here && this.#send("chat", { type, data }),
			ask: (type, data) => this.#ask("chat", type, data),
		});
		this.live = new Live(this.#livePort());
		this.chat.on("message", () => void (this.#looking || this.#unread++));
		this.chat.on("change", () => this.emit("change", null));
		this.live.on("change", () => this.#callChanged());
	}

	get name(): string {
		return this.#conf.name;
	}

	/** A data URL, or null. */
	get avatar(): string | null {
		return this.#conf.avatar;
	}

	/** Whether the room has a name and stays. */
	get persistent(): boolean {
		return this.#conf.persistent;
	}

	get ownerId(): AccountId | null {
		return this.#ownerId;
	}

	get members(): readonly AccountId[] {
		return this.#members;
	}

	/** Whether the server has told the state of the room. */
	get known(): boolean {
		return this.#known;
	}

	/** Whether the room can be reached now. */
	get here(): boolean {
		return this.#here;
	}

	/** How many messages of others have not been looked at. */
	get unread(): number {
		return this.#unread;
	}

	get lastMessage(): Message | null {
		return this.chat.last ?? this.#lastStored;
	}

	/** Whether this account may name the room and change its settings. */
	get mayRename(): boolean {
		const self = this.#port.self;
		return self !== null && (self === this.#ownerId || this.#admins.includes(self));
	}

	/** Whether the next call hides addresses (16.6); null: the server cannot do that. */
	get hidesAddresses(): boolean | null {
		return this.#hidesAddresses;
	}

	/** persist gives a temporary room a name and keeps it. */
	async persist(name: string): Promise<void> {
		await this.#port.ask((requestId) => ({
			type: this.id,
			data: { type: "persist", data: { name, persistent: true }, requestId },
		}));
	}

	async rename(name: string): Promise<void> {
		await this.#ask("settings", "setting", { setting: "roomName", value: name });
	}

	async hideAddresses(now: boolean): Promise<void> {
		await this.#ask("settings", "setting", { setting: "hideAddresses", value: now });
	}

	/** add lets an account in at once. */
	async add(account: AccountId): Promise<void> {
		await this.#ask("invite", "room-add", { clientId: account });
	}

	/** inviteToken is the token with which anybody may join, made if there is none. */
	async inviteToken(): Promise<string> {
		const token = text(fields(await this.#ask("invite", "public", {}))?.token);
		if (token === null) throw new Refused("ERR_NOT_STORED");
		return token;
	}

	/** leave ends the membership; the account then removes the room. */
	async leave(): Promise<void> {
		await this.#port.ask((requestId) => ({ type: this.id, data: { type: "leave", requestId } }));
	}

	/** look says whether the user sees the room now: its messages count as read. */
	look(now: boolean): void {
		const changed = now !== this.#looking;
		this.#looking = now;
		if (changed) this.#tellLooking();
		if (now && (changed || this.#unread > 0)) {
			this.#unread = 0;
			this.#send("counter-reset", undefined);
			this.emit("change", null);
		}
		if (now) this.chat.confirm();
	}

	/** found takes over what is told of the room, and reads the rest. */
	found(conf: RoomConf): void {
		this.#conf = conf;
		this.#here = true;
		this.live.found(this.#port.resumed);
		this.#initialize();
		this.#tellLooking();
		void this.chat.connected();
		this.emit("change", null);
	}

	/** away says that the room cannot be reached until it is found again. */
	away(): void {
		clearTimeout(this.#again);
		this.#here = false;
		this.chat.disconnected();
		this.live.away();
		this.emit("change", null);
	}

	/** gone says that the account is not in the room any more. */
	gone(): void {
		this.away();
		this.live.gone();
	}

	/** receive takes an event for the room. */
	receive(data: unknown): void {
		const reply = readReply(data);
		const e = readFrame(data);
		if (!e) {
			if (reply) this.#port.settle(reply);
			return;
		}
		const inner = readReply(e.data);
		if (inner) this.#port.settle(inner);
		else this.#event(e.type, e.data);
	}

	#event(type: string, data: unknown): void {
		switch (type) {
			case "chat":
				return this.chat.receive(data);
			case "live":
				return this.live.receive(data);
			case "settings":
				return this.#settingTold(readFrame(data));
			case "initialize":
				return this.#initialized(data);
			case "persistent":
				return this.#named(data);
			case "room-update":
				return this.#updated(data);
			case "join":
				return this.#memberJoined(text(fields(data)?.clientId));
			case "leave":
				return this.#memberLeft(text(data));
			case "admin-add":
			case "admin-remove":
				return this.#adminChanged(text(data), type === "admin-add");
			case "counter-reset":
				this.#unread = 0;
				this.emit("change", null);
		}
	}

	#initialize(): void {
		clearTimeout(this.#again);
		this.#send("initialize", undefined);
		this.#again = setTimeout(() => this.#here && this.#initialize(), STATE_PATIENCE);
	}

	#initialized(data: unknown): void {
		const state = readState(data);
		if (!state) return;
		clearTimeout(this.#again);
		this.#known = true;
		this.#conf = { ...this.#conf, name: state.name, persistent: state.persistent };
		this.#ownerId = state.ownerId;
		this.#admins = state.admins;
		this.#members = state.users;
		this.#lastStored = state.lastMessage;
		if (!this.#looking && state.unread !== null) this.#unread = state.unread;
		this.#hidesAddresses = state.hidesAddresses;
		this.#port.identities.want(state.users);
		this.live.roomState(state.peers);
		this.emit("change", null);
	}

	#named(data: unknown): void {
		const name = text(fields(data)?.name) ?? this.#conf.name;
		this.#conf = { ...this.#conf, persistent: true, name };
		this.emit("named", name);
		this.emit("change", null);
	}

	#updated(data: unknown): void {
		const conf = readConf(data);
		if (!conf) return;
		this.#conf = { ...this.#conf, name: conf.name, avatar: conf.avatar ?? this.#conf.avatar };
		this.emit("change", null);
	}

	/** settingTold takes a setting that was changed (docs/protocol.md 10). */
	#settingTold(e: Frame | null): void {
		const f = fields(e?.data);
		if (e?.type !== "update" || f?.success !== true || f.setting !== "hideAddresses") return;
		this.#hidesAddresses = f.value === true;
		this.emit("change", null);
	}

	#memberJoined(id: AccountId | null): void {
		if (id === null || this.#members.includes(id)) return;
		this.#members = [...this.#members, id];
		this.#port.identities.want([id]);
		this.emit("joined", id);
		this.emit("change", null);
	}

	#memberLeft(id: AccountId | null): void {
		if (id === null || !this.#members.includes(id)) return;
		this.#members = this.#members.filter((m) => m !== id);
		this.emit("left", id);
		this.emit("change", null);
	}

	#adminChanged(id: AccountId | null, admin: boolean): void {
		if (id === null) return;
		this.#admins = this.#admins.filter((a) => a !== id);
		if (admin) this.#admins.push(id);
		this.emit("change", null);
	}

	#tellLooking(): void {
		this.#send("active", { isActive: this.#looking, time: Date.now() });
	}

	/** callChanged tells who is in the call; what they do there is told by live alone. */
	#callChanged(): void {
		const call = [this.live.state, ...this.live.people].join(" ");
		if (call === this.#call) return;
		this.#call = call;
		this.emit("change", null);
	}

	#livePort(): LivePort {
		const room = this;
		return {
			get self() {
				return room.#port.self;
			},
			get here() {
				return room.#here;
			},
			send: (type, data) => this.#send(type, data),
			ask: (type, data) => this.#port.ask((requestId) => ({ type: this.id, data: { type, data, requestId } })),
			want: (ids) => this.#port.identities.want(ids),
		};
	}

	#send(type: string, data: unknown): boolean {
		return this.#here && this.#port.send({ type: this.id, data: { type, data } });
	}

	#ask(component: string, type: string, data: unknown): Promise<unknown> {
		return this.#port.ask((requestId) => ({
			type: this.id,
			data: { type: component, data: { type, data, requestId } },
		}));
	}
}
