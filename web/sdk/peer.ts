import { Emitter } from "./events";
import { readMeta, readSignal, readTracks, type IceConf, type Kind, type Signal, type Tracks } from "./livetypes";
import type { LocalMedia } from "./media";
import { Pairing } from "./pairing";
import { fields, readFrame, type AccountId } from "./types";

/** How the media of a peer are. */
export type PeerState =
	| "connecting" // they have not begun
	| "connected"
	| "interrupted"; // they had begun, and are being restored

/** PeerPort is what a peer needs of its call. */
export interface PeerPort {
	/** Whether something can be said now. */
	readonly here: boolean;
	readonly ice: IceConf;
	readonly media: LocalMedia;
	/** how much smaller than recorded the picture is sent: 1, or less */
	readonly scale: number;
	say(to: AccountId, type: string, data?: unknown): boolean;
}

/** Times in milliseconds. */
const TICK = 2_000;
const STEP = 8_000;
const FIRST_CONNECTION = 15_000;
const SHORT_BREAK = 6_000;
const AGAIN = 1_000;
const DENIED = 3_000;

/** So many candidates and descriptions may wait. */
const MOST_CANDIDATES = 128;
const MOST_DESCRIPTIONS = 16;

const KINDS: readonly Kind[] = ["audio", "video"];

/**
 * Peer is somebody else in the call: the handshake with one browser and the media
 * connection to it (docs/protocol.md 16.7). Either side may offer; when both do at
 * once, that of the host counts.
 */
export class Peer extends Emitter<{ change: null }> {
	readonly id: AccountId;
	/** What comes from this peer; always the same object. */
	readonly stream = new MediaStream();
	readonly #port: PeerPort;
	readonly #pairing: Pairing;
	readonly #timer: ReturnType<typeof setInterval>;
	#pc: RTCPeerConnection | null = null;
	#state: PeerState = "connecting";
	#sends: Tracks = { audio: false, video: false };
	#wants: Tracks = { audio: true, video: true };
	#muted = false;
	#blinded = false;
	/** since when the media are as they are; when something was last done for them */
	#since = Date.now();
	#mended = 0;
	#attempts = 0;
	#rebuilt = 0;
	/** candidates that came before the description that they belong to */
	#early: RTCIceCandidateInit[] = [];
	#taking: Promise<void> = Promise.resolve();
	#waiting = 0;
	#offering = false;
	#offeredAt = 0;
	#wanted = false;
	#askedAt = 0;
	#heldUntil = 0;

	constructor(id: AccountId, port: PeerPort) {
		super();
		this.id = id;
		this.#port = port;
		this.#pairing = new Pairing(
			(type, data) => this.#say(type, data),
			() => this.#drop(),
		);
		this.#timer = setInterval(() => this.#tick(), TICK);
		this.#pairing.begin();
	}

	get state(): PeerState {
		return this.#state;
	}

	/** Whether this peer cannot be heard because it wants so, or has no microphone. */
	get muted(): boolean {
		return this.#muted || !this.#sends.audio;
	}

	/** Whether there is a picture to show. */
	get visible(): boolean {
		const track = this.stream.getVideoTracks()[0];
		return this.#sends.video && !this.#blinded && track !== undefined && !track.muted;
	}

	/** close ends the connection; others are not told. */
	close(): void {
		clearInterval(this.#timer);
		this.#drop();
	}

	/** restart begins anew: the other side is another browser now. */
	restart(): void {
		this.#drop();
		this.#pairing.begin();
		this.emit("change", null);
	}

	/** back says that something can be said again. */
	back(): void {
		this.#since = Date.now();
		if (this.#pc === null) this.#tick();
	}

	/** restartIce finds new ways for media that go on (docs/protocol.md 16.2). */
	restartIce(): void {
		const pc = this.#pc;
		if (!pc) return;
		this.configure();
		pc.restartIce();
		this.#mended = Date.now();
		void this.#offer(pc);
	}

	/** configure takes over servers that are new; what flows is not touched. */
	configure(): void {
		try {
			this.#pc?.setConfiguration(this.#configuration());
		} catch {
			// those of before stay
		}
	}

	/** refresh sends what our devices give now. */
	refresh(): void {
		if (this.#pc?.remoteDescription)
			this.#attach(this.#pc).catch(() => {}); // the connection is closed
		else for (const t of this.#pc?.getTransceivers() ?? []) void this.#feed(t);
	}

	/** tell says again what we send. */
	tell(): void {
		this.#say("tracks-available", this.#port.media.has);
		this.#say("mute", this.#port.media.muted);
		this.#say("blind", this.#port.media.blinded);
	}

	/** receive takes what this peer said to us. */
	receive(data: unknown): void {
		const e = readFrame(data);
		switch (e?.type) {
			case "sync":
				if (this.#pairing.host === null || this.#mayRebuild()) this.#pairing.sync(e.data);
				return;
			case "sync-accept":
				return this.#pairing.accept(e.data);
			case "open":
				return this.#opened();
			case "meta":
				return this.#metaTold(e.data);
			case "webrtc-stream":
				return this.#signaled(readSignal(e.data));
			case "restart":
				return this.#rebuild();
			case "stop":
				return this.#drop();
			case "refresh":
				return this.#refreshAsked(e.data);
			case "tracks-available":
				this.#sends = readTracks(e.data, this.#sends);
				break;
			case "mute":
				this.#muted = e.data === true;
				break;
			case "blind":
				this.#blinded = e.data === true;
				break;
			default:
				return;
		}
		this.emit("change", null);
	}

	#say(type: string, data?: unknown): boolean {
		return this.#port.say(this.id, type, data);
	}

	#signal(type: string, data: unknown): boolean {
		return this.#say("webrtc-stream", { type, data });
	}

	// The handshake

	/** opened: the other side is ready, and we are host. */
	#opened(): void {
		if (this.#pairing.host !== true || (this.#pc && !this.#mayRebuild())) return;
		this.#drop();
		this.#sayMeta();
	}

	/** metaTold: the host's comes first, then the other one's; then the media begin. */
	#metaTold(data: unknown): void {
		const host = this.#pairing.host;
		if (host === null || (!host && this.#pc && !this.#mayRebuild())) return;
		const meta = readMeta(data);
		this.#sends = meta.sends;
		this.#wants = meta.wants;
		this.#muted = meta.muted;
		this.#blinded = meta.blinded;
		if (!host) {
			this.#drop();
			this.#sayMeta();
		}
		if (!this.#pc) this.#connect(host);
		this.emit("change", null);
	}

	#sayMeta(): void {
		const media = this.#port.media;
		this.#say("meta", {
			browser: "presence",
			sending: media.has,
			receive: { audio: true, video: true },
			state: { isMuted: media.muted, isBlinded: media.blinded, screenMode: "contain", screenShare: false },
		});
	}

	/** rebuild gives the connection up; the host then begins another one. */
	#rebuild(): void {
		if (!this.#mayRebuild()) return;
		this.#drop();
		if (this.#pairing.host) this.#sayMeta();
		this.emit("change", null);
	}

	/** mayRebuild keeps a peer from making us begin anew all the time. */
	#mayRebuild(): boolean {
		const now = Date.now();
		if (now - this.#rebuilt < AGAIN) return false;
		this.#rebuilt = now;
		return true;
	}

	#refreshAsked(data: unknown): void {
		const f = fields(data);
		if (!f) return;
		if (f.meta) this.tell();
		if (!this.#pc || !(f.audio || f.video)) return;
		this.refresh();
		this.#negotiate(this.#pc);
	}

	// The connection

	#configuration(): RTCConfiguration {
		const ice = this.#port.ice;
		return {
			iceServers: ice.servers,
			iceTransportPolicy: ice.relayOnly ? "relay" : "all",
			bundlePolicy: "max-bundle",
		};
	}

	#connect(host: boolean): void {
		let pc: RTCPeerConnection;
		try {
			pc = new RTCPeerConnection(this.#configuration());
		} catch {
			return; // tried again by tick
		}
		this.#pc = pc;
		this.#since = Date.now();
		const mine = (act: () => void) => () => this.#pc === pc && act();
		pc.onnegotiationneeded = mine(() => this.#negotiate(pc));
		pc.onconnectionstatechange = mine(() => this.#connectionChanged(pc));
		pc.onsignalingstatechange = mine(() => pc.signalingState === "stable" && (this.#heldUntil = 0));
		pc.onicecandidate = (e) => this.#pc === pc && this.#signal("candidate", e.candidate?.toJSON() ?? null);
		pc.ontrack = (e) => this.#pc === pc && this.#trackCame(e.track);
		this.#say("tracks-available", this.#port.media.has);
		if (!host) return; // the offer says what there is
		this.#wanted = true;
		for (const kind of KINDS) void this.#feed(pc.addTransceiver(kind, { direction: "sendrecv" }));
	}

	/** drop closes the connection; the handshake stays as it is. */
	#drop(): void {
		const pc = this.#pc;
		this.#pc = null;
		this.#early = [];
		this.#taking = Promise.resolve();
		this.#waiting = this.#offeredAt = this.#heldUntil = this.#attempts = 0;
		this.#offering = this.#wanted = false;
		this.#since = Date.now();
		for (const track of this.stream.getTracks()) this.stream.removeTrack(track);
		pc?.close();
		if (pc) this.#enter(this.#state === "connecting" ? "connecting" : "interrupted");
	}

	#enter(state: PeerState): void {
		if (this.#state === state) return;
		this.#state = state;
		this.#since = Date.now();
		this.emit("change", null);
	}

	#connectionChanged(pc: RTCPeerConnection): void {
		switch (pc.connectionState) {
			case "connected":
				this.#attempts = 0;
				this.#enter("connected");
				this.limit();
				return;
			case "disconnected":
			case "failed":
				if (this.#state === "connected") this.#enter("interrupted");
				if (pc.connectionState === "failed" && Date.now() - this.#mended > STEP) this.#mend(pc);
		}
	}

	#trackCame(track: MediaStreamTrack): void {
		for (const old of this.stream.getTracks()) if (old.kind === track.kind) this.stream.removeTrack(old);
		this.stream.addTrack(track);
		track.onmute = track.onunmute = () => this.emit("change", null);
		this.emit("change", null);
	}

	/** attach sends our tracks in the places that the two sides have agreed on. */
	async #attach(pc: RTCPeerConnection): Promise<void> {
		for (const kind of KINDS) {
			const places = pc.getTransceivers().filter((t) => t.receiver.track.kind === kind && t.direction !== "stopped");
			const place = places.find((t) => t.mid !== null) ?? places[0];
			const track = this.#port.media.track(kind);
			if (place) {
				if (place.direction !== "sendrecv") place.direction = "sendrecv";
				await this.#feed(place);
			} else if (track && this.#wants[kind]) {
				pc.addTrack(track, this.#port.media.stream); // needs a negotiation
			}
		}
	}

	async #feed(place: RTCRtpTransceiver): Promise<void> {
		const kind: Kind = place.receiver.track.kind === "audio" ? "audio" : "video";
		const track = this.#wants[kind] ? this.#port.media.track(kind) : null;
		if (place.sender.track === track) return;
		await place.sender.replaceTrack(track).catch(() => {}); // the connection is closed
	}

	/** limit makes the picture that we send as large as the call wants it. */
	limit(): void {
		const sender = this.#pc?.getSenders().find((s) => s.track?.kind === "video");
		const parameters = sender?.getParameters();
		const encoding = parameters?.encodings?.[0];
		if (!sender || !parameters || !encoding) return;
		encoding.scaleResolutionDownBy = 1 / this.#port.scale;
		sender.setParameters(parameters).catch(() => {}); // it stays as it is
	}

	// Negotiation

	#signaled(signal: Signal | null): void {
		switch (signal?.type) {
			case "description":
				return this.#described(signal.description);
			case "candidate":
				return this.#candidate(signal.candidate);
			case "negotiate":
				return this.#negotiation(signal.step);
		}
	}

	/** negotiate makes an offer; who is not host asks for it first. */
	#negotiate(pc: RTCPeerConnection): void {
		const now = Date.now();
		this.#wanted = true;
		if (pc.signalingState !== "stable") return; // tick looks again
		if (this.#pairing.host) {
			if (now >= this.#heldUntil) void this.#offer(pc);
		} else if (now - this.#askedAt >= DENIED && this.#signal("negotiate", "request")) {
			this.#askedAt = now;
		}
	}

	#negotiation(step: "request" | "accept" | "deny"): void {
		const pc = this.#pc;
		if (!pc) return;
		if (step === "accept") void this.#offer(pc);
		if (step !== "request" || !this.#pairing.host) return;
		const free = pc.signalingState === "stable" && !this.#offering && !this.#wanted;
		if (free) this.#heldUntil = Date.now() + DENIED;
		this.#signal("negotiate", free ? "accept" : "deny");
	}

	async #offer(pc: RTCPeerConnection): Promise<void> {
		if (this.#offering || pc.signalingState === "have-remote-offer") {
			this.#wanted = true;
			return;
		}
		this.#offering = true;
		this.#wanted = false;
		this.#offeredAt = Date.now();
		try {
			await pc.setLocalDescription();
			if (this.#pc === pc) this.#describe(pc);
		} catch {
			// the connection was closed, or the other side's offer came first
		} finally {
			if (this.#pc === pc) this.#offering = false;
		}
	}

	#describe(pc: RTCPeerConnection): void {
		const d = pc.localDescription;
		if (d && !this.#signal("sdp", { type: d.type, sdp: d.sdp })) this.#offeredAt = 0; // tick does it again
	}

	/** described takes one description after the other. */
	#described(description: RTCSessionDescriptionInit): void {
		const pc = this.#pc;
		if (!pc || this.#waiting >= MOST_DESCRIPTIONS) return;
		this.#waiting++;
		this.#taking = this.#taking
			.then(() => this.#take(pc, description))
			.catch(() => {}) // not what a browser understands; tick begins anew if nothing follows
			.then(() => void (this.#pc === pc && this.#waiting--));
	}

	async #take(pc: RTCPeerConnection, description: RTCSessionDescriptionInit): Promise<void> {
		if (this.#pc !== pc) return;
		const offer = description.type === "offer";
		const collision = offer && (this.#offering || pc.signalingState !== "stable");
		if (collision && this.#pairing.host) return; // ours counts
		if (!offer && pc.signalingState !== "have-local-offer") return;
		await pc.setRemoteDescription(description); // takes our own offer back if there was one
		if (this.#pc !== pc) return;
		for (const candidate of this.#early.splice(0)) void pc.addIceCandidate(candidate).catch(() => {});
		if (!offer) return;
		await this.#attach(pc);
		await pc.setLocalDescription();
		if (this.#pc === pc) this.#describe(pc);
	}

	#candidate(candidate: RTCIceCandidateInit | null): void {
		if (!candidate) return; // the end of the list needs no answer
		const pc = this.#pc;
		if (pc?.remoteDescription)
			void pc.addIceCandidate(candidate).catch(() => {}); // of an offer that was ignored
		else if (this.#early.length < MOST_CANDIDATES) this.#early.push(candidate);
	}

	// Mending

	/** tick does again what got lost, and mends what does not connect. */
	#tick(): void {
		if (!this.#port.here) return;
		const now = Date.now();
		const pc = this.#pc;
		if (this.#pairing.host === null) return this.#pairing.repeat();
		if (!pc) {
			if (now - this.#since > STEP) this.restart(); // what should have followed was lost
			return;
		}
		if (pc.signalingState === "have-local-offer" && now - this.#offeredAt > STEP) void this.#offer(pc);
		else if (this.#wanted) this.#negotiate(pc);
		if (this.#state === "connected" && pc.connectionState === "connected") return;
		const host = this.#pairing.host ? 0 : SHORT_BREAK; // so that not both do it at once
		const patience = this.#state === "connecting" || this.#attempts > 0 ? FIRST_CONNECTION : SHORT_BREAK;
		if (now - Math.max(this.#since, this.#mended) > patience + host) this.#mend(pc);
	}

	/** mend looks for new ways first, and then begins another connection. */
	#mend(pc: RTCPeerConnection): void {
		this.#mended = Date.now();
		if (!this.#port.here) return;
		if (this.#attempts++ === 0) {
			pc.restartIce(); // the browser then wants to negotiate
			return;
		}
		this.#say("restart");
		this.#rebuild();
	}
}
