import { Emitter } from "./events";
import { fields, readFrame, text, type AccountId, type Frame } from "./types";

/** Credentials of a Friend user (docs/protocol.md 2.3). */
export interface Credentials {
	login: string;
	authId: string;
}

/** Why a connection is over: it does not try again by itself. */
export type Ending =
	| "refused" // the credentials are not good (docs/protocol.md 1.9)
	| "dismissed" // the server ended the session
	| "left"; // leave was called

export type ConnectionState =
	| { name: "idle" }
	| { name: "connecting"; again: boolean }
	| { name: "online" }
	/** retryAt is a time as Date.now() has it */
	| { name: "waiting"; retryAt: number }
	| { name: "ended"; why: Ending; code: string | null };

export interface ConnectionEvents {
	state: ConnectionState;
	/** Logged in. resumed: events sent meanwhile follow (docs/protocol.md 2.6). */
	online: { account: AccountId; resumed: boolean };
	/** The connection is lost, or over. */
	offline: null;
	/** An event for the account (docs/protocol.md 3.2). */
	event: unknown;
}

/** Times in milliseconds. The server pings more often than every QUIET. */
const QUIET = 14_000;
const PONG = 5_000;
const LOGIN = 20_000;
const FIRST_DELAY = 500;
const LAST_DELAY = 15_000;

/**
 * Connection keeps a websocket to the server open: it logs in, resumes its session
 * after a loss, answers pings, notices silence, and comes back after growing
 * delays. Nothing that is sent while it is not online arrives.
 */
export class Connection extends Emitter<ConnectionEvents> {
	readonly #url: string;
	readonly #credentials: () => Promise<Credentials>;
	#state: ConnectionState = { name: "idle" };
	#socket: WebSocket | null = null;
	#account: AccountId | null = null;
	#session: string | null = null;
	#resuming = false;
	#login = "";
	#code: string | null = null;
	#attempts = 0;
	#retry: ReturnType<typeof setTimeout> | undefined;
	#watch: ReturnType<typeof setTimeout> | undefined;

	/** credentials is asked at each full login, so that it can give fresh ones. */
	constructor(url: string, credentials: () => Promise<Credentials>) {
		super();
		this.#url = url;
		this.#credentials = credentials;
	}

	get state(): ConnectionState {
		return this.#state;
	}

	get online(): boolean {
		return this.#state.name === "online";
	}

	/** The account that logged in, null before that. */
	get account(): AccountId | null {
		return this.#account;
	}

	/** connect opens the connection, also after it has ended. */
	connect(): void {
		if (this.#socket) return;
		clearTimeout(this.#retry);
		this.#code = null;
		this.#enter({ name: "connecting", again: this.#account !== null });
		const socket = new WebSocket(this.#url);
		this.#socket = socket;
		socket.onmessage = (e) => this.#socket === socket && this.#receive(e.data);
		socket.onclose = () => this.#socket === socket && this.#lost();
		this.#expect(LOGIN);
	}

	/** wake tries now what would be tried later, e.g. when the network is back. */
	wake(): void {
		if (this.#state.name === "waiting") this.connect();
		else if (this.online) this.#probe();
	}

	/** leave ends the session for good; the others see the account go. */
	leave(): void {
		if (this.online) this.#write({ type: "session", data: null });
		this.#end("left");
	}

	/** send sends an event for the account; false if the connection is not online. */
	send(event: Frame): boolean {
		if (!this.online || this.#account === null) return false;
		return this.#write({ type: "msg", data: { type: this.#account, data: event } });
	}

	#write(frame: Frame): boolean {
		if (this.#socket?.readyState !== WebSocket.OPEN) return false;
		this.#socket.send(JSON.stringify(frame));
		return true;
	}

	#enter(state: ConnectionState): void {
		const wasOnline = this.online;
		this.#state = state;
		if (wasOnline && state.name !== "online") this.emit("offline", null);
		this.emit("state", state);
	}

	/** expect gives the server so much time for its next message. */
	#expect(ms: number): void {
		clearTimeout(this.#watch);
		this.#watch = setTimeout(() => (this.online && ms === QUIET ? this.#probe() : this.#lost()), ms);
	}

	/** probe asks a silent server whether it is there. */
	#probe(): void {
		this.#write({ type: "ping", data: Date.now() });
		this.#expect(PONG);
	}

	/** drop closes the socket and forgets it. */
	#drop(): void {
		clearTimeout(this.#watch);
		clearTimeout(this.#retry);
		const socket = this.#socket;
		this.#socket = null;
		socket?.close();
	}

	#end(why: Ending): void {
		this.#drop();
		this.#session = null;
		this.#enter({ name: "ended", why, code: this.#code });
	}

	/** lost tries again after a delay that grows and is not the same for everybody. */
	#lost(): void {
		this.#drop();
		const longest = Math.min(FIRST_DELAY * 1.7 ** this.#attempts++, LAST_DELAY);
		this.#retryIn(longest * (0.5 + Math.random() / 2));
	}

	#retryIn(ms: number): void {
		this.#enter({ name: "waiting", retryAt: Date.now() + ms });
		this.#retry = setTimeout(() => this.connect(), ms);
	}

	#receive(raw: unknown): void {
		const frame = parse(raw);
		if (this.online) this.#expect(QUIET);
		switch (frame?.type) {
			case "authenticate":
				this.#challenged(frame.data);
				return;
			case "session":
				this.#sessionTold(frame.data);
				return;
			case "ping":
				this.#write({ type: "pong", data: frame.data });
				return;
			case "msg":
				this.#message(frame.data);
		}
	}

	#challenged(data: unknown): void {
		if (data === false) this.#end("refused");
		if (typeof data === "boolean") return;
		this.#resuming = this.#session !== null;
		if (this.#resuming) {
			this.#write({ type: "session", data: this.#session });
			this.#session = null; // until the server confirms it
		} else {
			void this.#authenticate(this.#socket);
		}
	}

	async #authenticate(socket: WebSocket | null): Promise<void> {
		const given = await this.#credentials().catch(() => null);
		if (this.#socket !== socket) return;
		if (!given) {
			this.#lost();
			return;
		}
		this.#login = given.login;
		this.#write({
			type: "authenticate",
			data: { type: "authid", data: { tokens: { authId: given.authId }, login: given.login } },
		});
	}

	#sessionTold(data: unknown): void {
		if (typeof data === "string") {
			this.#session = data;
		} else if (data === false) {
			this.#drop(); // too late to resume: log in anew
			this.#retryIn(0);
		} else {
			this.#end("dismissed");
		}
	}

	#message(data: unknown): void {
		const e = readFrame(data);
		if (!e) return;
		if (this.#account !== null && e.type === this.#account) {
			if (this.online) this.emit("event", e.data);
		} else if (e.type === "ready" && this.#resuming) {
			this.#arrive(this.#account, true);
		} else if (e.type === "account") {
			this.#accountStage(e.data);
		} else if (e.type === "error") {
			this.#code = text(fields(e.data)?.error);
		}
	}

	/** accountStage is the part of the login that names the account (2.4). */
	#accountStage(data: unknown): void {
		const e = readFrame(data);
		if (!e) this.#write({ type: "msg", data: { type: "login", data: { fUsername: this.#login } } });
		else if (e.type === "login") this.#arrive(text(e.data), false);
	}

	#arrive(account: AccountId | null, resumed: boolean): void {
		if (account === null) return;
		this.#account = account;
		this.#attempts = 0;
		this.#resuming = false;
		this.#expect(QUIET);
		this.#enter({ name: "online" });
		this.emit("online", { account, resumed });
	}
}

function parse(raw: unknown): Frame | null {
	try {
		return typeof raw === "string" ? readFrame(JSON.parse(raw)) : null;
	} catch {
		return null;
	}
}
