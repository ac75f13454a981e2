import { Emitter, type Undo } from "./events";
import { readId, readIds, readOpen, readServers, type CallConf, type IceConf, type Tracks } from "./livetypes";
import { LocalMedia } from "./media";
import { Peer } from "./peer";
import { NO_ANSWER, OFFLINE, Refused } from "./requests";
import { fields, readFrame, text, type AccountId } from "./types";

/** Why our part in a call ended without our doing. */
export type CallEnding =
	| "elsewhere" // it went on in another window of the account
	| "removed" // the server took us out, or we are not in the room any more
	| "refused"; // after a loss the server did not let us in again; code says why

export type CallState = "out" | "joining" | "in";

export interface LiveEvents {
	/** Anything of the call is different now. */
	change: null;
	/** Somebody is in the call now, or not any more. */
	joined: AccountId;
	left: AccountId;
	/** We are not in the call any more, and did not leave. */
	ended: { why: CallEnding; code: string | null };
}

/** LivePort is what a call needs of its room. */
export interface LivePort {
	readonly self: AccountId | null;
	/** Whether the room can be reached now. */
	readonly here: boolean;
	send(type: string, data: unknown): boolean;
	ask(type: string, data: unknown): Promise<unknown>;
	/** want makes identities known. */
	want(ids: AccountId[]): void;
}

/** The features of this client (docs/protocol.md 16.1). */
const FEATURES = ["ice-restart"];

/** How often we say that we speak until the server says so too, in milliseconds. */
const CLAIM_AGAIN = 700;

/** How long media may flow while the other one has not come back to the call, in milliseconds. */
const RETURN = 20_000;

/**
 * Live is the call of a room (docs/protocol.md 16). Who is in it is known to everybody
 * in the room; peers are there for who takes part. A lost connection to the server does
 * not end the media, which do not go through it.
 */
export class Live extends Emitter<LiveEvents> {
	readonly #port: LivePort;
	#state: CallState = "out";
	#liveId = "";
	#session = "";
	#joins = 0;
	#people: AccountId[] = [];
	#known = false;
	#peers = new Map<AccountId, Peer>();
	#media: LocalMedia | null = null;
	#mediaUndo: Undo[] = [];
	/** with whom ICE is to be restarted as soon as that can be said */
	readonly #broken = new Set<AccountId>();
	#ice: IceConf = { servers: [], relayOnly: false };
	#scale = 1;
	#speaker: AccountId | null = null;
	#claimed = 0;
	/** the connection was lost, and the state of the room is not known again */
	#catchingUp = false;
	/** the server may have given our place away meanwhile */
	#uncertain = false;
	#owesLeave = false;
	#waiting: ReturnType<typeof setTimeout> | undefined;

	constructor(port: LivePort) {
		super();
		this.#port = port;
	}

	get state(): CallState {
		return this.#state;
	}

	/** Who is in the call, in the order of joining, oneself too. */
	get people(): readonly AccountId[] {
		return this.#people;
	}

	/** The others, for who is in the call. */
	get peers(): Peer[] {
		return [...this.#peers.values()];
	}

	/** Our microphone and camera while we are in the call. */
	get media(): LocalMedia | null {
		return this.#media;
	}

	/** Who speaks, as the server says. */
	get speaker(): AccountId | null {
		return this.#speaker;
	}

	/** Whether the server can be reached; without it the media go on as they are. */
	get reachable(): boolean {
		return this.#port.here && !this.#catchingUp;
	}

	/** Whether the addresses of those in the call are hidden from each other. */
	get hidden(): boolean {
		return this.#state === "in" && this.#ice.relayOnly;
	}

	/**
	 * join asks for the devices and enters the call; a device that cannot be had is
	 * missing then. It fails with what the server says, e.g. ERR_CALL_FULL.
	 */
	async join(devices: Tracks): Promise<void> {
		if (this.#state !== "out") return;
		const turn = ++this.#joins;
		const media = new LocalMedia();
		this.#liveId = `lc-${randomId()}`;
		this.#owesLeave = false;
		this.#take(media);
		this.#enter("joining");
		try {
			await media.open(devices);
			if (turn !== this.#joins) return;
			await this.#port.ask("live-join", { clientId: this.#liveId, features: FEATURES });
			if (turn === this.#joins && this.state === "joining") throw new Refused("ERR_UNKNOWN"); // open comes before
		} catch (err) {
			if (turn !== this.#joins) return;
			this.#owesLeave = err instanceof Refused && (err.code === OFFLINE || err.code === NO_ANSWER);
			this.#end();
			throw err;
		}
	}

	/** leave ends our part in the call. */
	leave(): void {
		if (this.#state === "out") return;
		this.#owesLeave = !this.#port.send("live", { type: "leave" });
		this.#people = this.#people.filter((id) => id !== this.#port.self); // the server will say so
		this.#end();
	}

	/** found says that the room can be reached; resumed: nothing was missed. */
	found(resumed: boolean): void {
		if (!resumed) this.#uncertain = true;
		if (this.#owesLeave) this.#owesLeave = !this.#port.send("live", { type: "leave" });
	}

	/** away says that nothing comes, and nothing can be said, until the room is found. */
	away(): void {
		this.#catchingUp = true;
		this.emit("change", null);
	}

	/** gone says that we are not in the room any more. */
	gone(): void {
		if (this.#state !== "out") this.#ended("removed", null);
	}

	/** roomState takes from the state of the room who is in the call (7.3). */
	roomState(peers: unknown): void {
		const ids = readIds(peers);
		const self = this.#port.self;
		const lost = this.#uncertain || (self !== null && !ids.includes(self));
		const back = this.#catchingUp;
		this.#catchingUp = this.#uncertain = false;
		if (this.#state === "in" && back) {
			for (const peer of this.#peers.values()) peer.back();
			if (lost) void this.#restore();
			else this.#reconcile(ids);
			this.#mendBroken();
		}
		this.#setPeople(ids, this.#known);
		this.#known = true;
	}

	/** receive takes a live event of the room. */
	receive(data: unknown): void {
		const e = readFrame(data);
		if (!e) return;
		switch (e.type) {
			case "join":
				return this.#joined(readId(fields(e.data)?.peerId));
			case "leave":
				return this.#left(readId(fields(e.data)?.peerId));
			case "open":
				return this.#opened(e.data);
			case "close":
				return this.#closed(fields(e.data)?.clientId);
			case "peers":
				return this.#setPeople(readIds(fields(e.data)?.peerIds));
			case "ping":
				if (this.#state === "in" && text(e.data) !== null) this.#port.send("live", { type: "pong", data: e.data });
				return;
			case "speaking":
				this.#speaker = readId(fields(e.data)?.current);
				return this.emit("change", null);
			case "quality":
				return this.#qualityTold(fields(e.data)?.scale);
			case "ice-restart":
				return this.#restartIce(fields(e.data));
			default:
				this.#peers.get(e.type)?.receive(e.data);
		}
	}

	#enter(state: CallState): void {
		this.#state = state;
		this.emit("change", null);
	}

	/** take makes these devices ours. */
	#take(media: LocalMedia): void {
		this.#media = media;
		this.#mediaUndo = [media.on("change", () => this.#mediaChanged()), media.on("voice", (now) => this.#voice(now))];
	}

	#end(): void {
		this.#joins++;
		for (const undo of this.#mediaUndo) undo();
		clearTimeout(this.#waiting);
		for (const peer of this.#peers.values()) peer.close();
		this.#peers.clear();
		this.#broken.clear();
		this.#media?.close();
		this.#media = null;
		this.#speaker = null;
		this.#enter("out");
	}

	#ended(why: CallEnding, code: string | null): void {
		this.#end();
		this.emit("ended", { why, code });
	}

	// Who is in the call

	#setPeople(ids: AccountId[], tell = true): void {
		const before = this.#people;
		this.#people = ids;
		this.#port.want(ids);
		for (const id of ids) if (tell && !before.includes(id)) this.emit("joined", id);
		for (const id of before) if (tell && !ids.includes(id) && !this.#peers.has(id)) this.emit("left", id);
		if (this.#speaker !== null && !ids.includes(this.#speaker)) this.#speaker = null;
		this.emit("change", null);
	}

	#joined(id: AccountId | null): void {
		if (id === null) return;
		const known = this.#peers.get(id);
		// One whose media flow has come back; another browser of it would say its stamp.
		if (known && known.state !== "connected") known.restart();
		if (!known && this.#state === "in") this.#meet(id);
		if (!this.#people.includes(id)) this.#setPeople([...this.#people, id], !known);
	}

	#left(id: AccountId | null): void {
		if (id === null) return;
		this.#forget(id);
		this.#setPeople(this.#people.filter((p) => p !== id));
	}

	#meet(id: AccountId): void {
		if (id === this.#port.self || this.#peers.has(id) || !this.#media) return;
		const live = this;
		const peer = new Peer(id, {
			get here() {
				return live.reachable;
			},
			get ice() {
				return live.#ice;
			},
			get scale() {
				return live.#scale;
			},
			media: this.#media,
			say: (to, type, data) => this.#port.send("live", { type: to, data: { type, data } }),
		});
		peer.on("change", () => this.emit("change", null));
		this.#peers.set(id, peer);
	}

	/** reconcile meets who is new and forgets who is gone; the others stay as they are. */
	#reconcile(ids: AccountId[]): void {
		for (const id of this.#peers.keys()) if (!ids.includes(id)) this.#forget(id);
		for (const id of ids) this.#meet(id);
	}

	#forget(id: AccountId): void {
		this.#peers.get(id)?.close();
		this.#peers.delete(id);
	}

	/**
	 * returning waits for those whose media still flow: after a restart of the server each
	 * of us comes back when it can.
	 */
	#returning(ids: AccountId[]): void {
		for (const peer of this.peers) if (!ids.includes(peer.id) && peer.state !== "connected") this.#forget(peer.id);
		for (const id of ids) this.#meet(id);
		clearTimeout(this.#waiting);
		this.#waiting = setTimeout(() => this.#notReturned(), RETURN);
	}

	#notReturned(): void {
		for (const { id } of this.peers) {
			if (this.#people.includes(id)) continue;
			this.#forget(id);
			this.emit("left", id);
		}
		this.emit("change", null);
	}

	// What the server says of us

	#opened(data: unknown): void {
		const open = readOpen(data);
		if (!open || open.clientId !== this.#liveId || this.#state === "out") return;
		const anew = this.#state === "in" && open.conf.sessionId !== this.#session;
		this.#configure(open.conf);
		this.#state = "in";
		if (anew) this.#returning(open.conf.peers);
		else this.#reconcile(open.conf.peers);
		this.#setPeople(open.conf.peers);
	}

	#configure(conf: CallConf): void {
		this.#session = conf.sessionId;
		this.#ice = conf.ice;
		this.#speaker = conf.speaker;
		for (const peer of this.#peers.values()) peer.configure();
	}

	/** closed: null ends it for the account, a live id for that browser. */
	#closed(clientId: unknown): void {
		if (clientId === this.#liveId && this.#state !== "out") return this.#ended("elsewhere", null);
		if (clientId !== null || this.#state !== "in") return; // a join is answered
		if (this.#catchingUp)
			this.#uncertain = true; // we were away for too long: come back
		else this.#ended("removed", null);
	}

	/** restore takes the call up after the connection was lost (16.2). */
	async #restore(): Promise<void> {
		const turn = this.#joins;
		try {
			await this.#port.ask("live-restore", {
				clientId: this.#liveId,
				sessionId: this.#session,
				features: FEATURES,
			});
		} catch (err) {
			const code = err instanceof Refused ? err.code : "ERR_UNKNOWN";
			if (turn !== this.#joins) return;
			if (!this.#port.here) this.#uncertain = true;
			else this.#ended("refused", code);
		}
	}

	#restartIce(f: Record<string, unknown> | null): void {
		if (f?.clientId !== this.#liveId || this.#state !== "in") return;
		const servers = readServers(f.ICE);
		if (servers.length > 0) this.#ice = { ...this.#ice, servers };
		for (const id of readIds(f.peerIds)) this.#broken.add(id);
		if (this.reachable) this.#mendBroken();
	}

	/** mendBroken restarts ICE with those whom the server has named. */
	#mendBroken(): void {
		for (const id of this.#broken) this.#peers.get(id)?.restartIce();
		this.#broken.clear();
	}

	#qualityTold(scale: unknown): void {
		if (typeof scale !== "number" || !(scale > 0 && scale <= 1)) return;
		this.#scale = scale;
		for (const peer of this.#peers.values()) peer.limit();
	}

	// What we send

	#mediaChanged(): void {
		for (const peer of this.#peers.values()) {
			peer.refresh();
			peer.tell();
		}
		this.emit("change", null);
	}

	/** voice claims to be the one who speaks (16.5). */
	#voice(now: boolean): void {
		if (this.#state !== "in") return;
		const mine = this.#speaker !== null && this.#speaker === this.#port.self;
		if (now === mine || (now && Date.now() - this.#claimed < CLAIM_AGAIN)) return;
		this.#claimed = Date.now();
		this.#port.send("live", { type: "speaking", data: { time: this.#claimed, isSpeaking: now } });
	}
}

/** randomId is 32 characters that nobody else has. */
function randomId(): string {
	const bytes = crypto.getRandomValues(new Uint8Array(16));
	return [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
}
