import type { Connection } from "./connection";
import { Emitter, type Undo } from "./events";
import { Identities } from "./identities";
import { Refused, Requests } from "./requests";
import { Room, type RoomPort } from "./room";
import {
	fields,
	readConf,
	readFrame,
	readIdentity,
	readReply,
	type AccountId,
	type Frame,
	type Identity,
	type RoomConf,
	type RoomId,
} from "./types";

export interface AccountEvents {
	/** Rooms were added or removed, or one of them has changed. */
	rooms: null;
	/** The room is not ours any more: we left, or it has ended. */
	removed: Room;
	/** The state of the account has arrived, at each login. */
	ready: null;
}

/** How long a room may take to come back after a login before it counts as gone, in ms. */
const RETURN = 4_000;

/** Account is what a logged-in user sees (docs/protocol.md 4). */
export class Account extends Emitter<AccountEvents> {
	readonly identities: Identities;
	readonly #connection: Connection;
	readonly #requests = new Requests();
	readonly #rooms = new Map<RoomId, Room>();
	readonly #undo: Undo[];
	#reconcile: ReturnType<typeof setTimeout> | undefined;
	#final = false;
	#ready = false;
	#resumed = false;

	constructor(connection: Connection) {
		super();
		this.#connection = connection;
		this.identities = new Identities((type, data) => this.#askIdentity(type, data));
		this.#undo = [
			connection.on("online", ({ resumed }) => this.#online(resumed)),
			connection.on("offline", () => this.#offline()),
			connection.on("event", (event) => this.#event(event)),
		];
	}

	/** close ends the use of this object; the connection is the caller's. */
	close(): void {
		for (const undo of this.#undo) undo();
		for (const room of this.#rooms.values()) room.live.leave();
		this.#offline();
	}

	get id(): AccountId | null {
		return this.#connection.account;
	}

	get identity(): Identity | undefined {
		return this.identities.get(this.id);
	}

	/** Whether the state of the account has arrived at least once. */
	get ready(): boolean {
		return this.#ready;
	}

	get rooms(): Room[] {
		return [...this.#rooms.values()];
	}

	room(id: RoomId): Room | undefined {
		return this.#rooms.get(id);
	}

	/** createRoom makes a room: temporary without a name, else one that stays. */
	createRoom(name: string | null = null): Promise<Room> {
		return this.#entered(this.#ask("room-create", { name }));
	}

	/** joinRoom enters a room with an invite token. */
	joinRoom(roomId: RoomId, token: string): Promise<Room> {
		return this.#entered(this.#ask("room-join", { invite: { token, roomId } }));
	}

	/** searchUsers finds people by a part of their name. */
	async searchUsers(needle: string): Promise<Identity[]> {
		const found = await this.#ask("search-user", { needle });
		return Array.isArray(found) ? found.map(readIdentity).filter((i) => i !== null) : [];
	}

	async #entered(answer: Promise<unknown>): Promise<Room> {
		const conf = readConf(await answer);
		if (!conf) throw new Refused("ERR_COULD_NOT_JOIN");
		return this.#rooms.get(conf.clientId) ?? this.#find(conf);
	}

	#ask(type: string, data: unknown): Promise<unknown> {
		return this.#requests.ask((requestId) => this.#connection.send({ type, data, requestId }));
	}

	#askIdentity(type: string, data: unknown): Promise<unknown> {
		return this.#requests.ask((requestId) =>
			this.#connection.send({ type: "identity", data: { type, data, requestId } }),
		);
	}

	#online(resumed: boolean): void {
		this.#resumed = resumed;
		this.#final = false;
		this.#initialize();
		void this.identities.refresh();
	}

	#initialize(): void {
		this.#connection.send({ type: "initialize", data: null });
	}

	#offline(): void {
		clearTimeout(this.#reconcile);
		this.#requests.dropAll();
		for (const room of this.#rooms.values()) room.away();
	}

	#event(value: unknown): void {
		const reply = readReply(value);
		const e = readFrame(value);
		if (e) this.#dispatch(e);
		else if (reply) this.#requests.settle(reply);
	}

	#dispatch(e: Frame): void {
		switch (e.type) {
			case "initialize":
				return this.#initialized(e.data);
			case "join": {
				const conf = readConf(fields(e.data)?.joined);
				if (conf) this.#find(conf);
				return;
			}
			case "close":
				if (typeof e.data === "string") this.#remove(e.data);
				return;
			case "identity": {
				const reply = readReply(e.data);
				if (reply) this.#requests.settle(reply);
				return;
			}
			case "identity-update":
				return this.identities.update(e.data);
			default:
				this.#rooms.get(e.type)?.receive(e.data);
		}
	}

	/**
	 * initialized takes over the state. After a login the server lists the rooms that
	 * it has joined so far and tells the others one by one, so that those of before
	 * that are missing count as gone only after a second look.
	 */
	#initialized(data: unknown): void {
		const f = fields(data);
		if (this.id !== null) this.identities.want([this.id]);
		this.identities.learn(fields(f?.account)?.identity);
		const listed = Array.isArray(f?.rooms) ? f.rooms.map(readConf).filter((c) => c !== null) : [];
		for (const conf of listed) this.#find(conf);
		const missing = [...this.#rooms.values()].filter((room) => !room.here);
		if (this.#final) for (const room of missing) this.#remove(room.id);
		else if (missing.length > 0) this.#lookAgain();
		this.#ready = true;
		this.emit("ready", null);
	}

	#lookAgain(): void {
		clearTimeout(this.#reconcile);
		this.#reconcile = setTimeout(() => {
			this.#final = true;
			this.#initialize();
		}, RETURN);
	}

	/** find takes over a room that the server says we are in. */
	#find(conf: RoomConf): Room {
		let room = this.#rooms.get(conf.clientId);
		if (!room) {
			room = new Room(conf, this.#port());
			room.on("change", () => this.emit("rooms", null));
			this.#rooms.set(room.id, room);
		}
		room.found(conf);
		this.emit("rooms", null);
		return room;
	}

	#remove(id: RoomId): void {
		const room = this.#rooms.get(id);
		if (!room) return;
		this.#rooms.delete(id);
		room.gone();
		this.emit("removed", room);
		this.emit("rooms", null);
	}

	#port(): RoomPort {
		const connection = this.#connection;
		const account = this;
		return {
			get self() {
				return connection.account;
			},
			get resumed() {
				return account.#resumed;
			},
			identities: this.identities,
			send: (event) => connection.send(event),
			ask: (wrap) => this.#requests.ask((requestId) => connection.send(wrap(requestId))),
			settle: (reply) => this.#requests.settle(reply),
		};
	}
}
