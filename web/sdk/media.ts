import { Emitter } from "./events";
import type { Kind, Tracks } from "./livetypes";

/** Why there is no sound, or no picture, of ours. */
export type MediaProblem =
	| "denied" // the user, or the system, does not allow it
	| "none" // there is no such device
	| "busy" // another program has it, or it does not work
	| "unavailable"; // the browser gives pages no devices: the page is not from a safe address

export interface MediaEvents {
	/** A track came or went, or is switched off or on. */
	change: null;
	/** We begin to speak, or stop. */
	voice: boolean;
}

/** Loudness above which somebody speaks, of 1; and how long a pause may be, in ms. */
const LOUD = 0.02;
const PAUSE = 1_200;
const LISTEN = 150;

/**
 * LocalMedia is our microphone and camera. What cannot be had is missing: a call goes
 * on without it.
 */
export class LocalMedia extends Emitter<MediaEvents> {
	/** What others get of us; always the same object. */
	readonly stream = new MediaStream();
	readonly #problems: Record<Kind, MediaProblem | null> = { audio: null, video: null };
	readonly #meter = new Meter((loud) => this.#heard(loud));
	#muted = false;
	#blinded = false;
	#asking = false;
	#closed = false;
	#voice = false;
	#lastLoud = 0;

	/** open asks for the devices: for both at once, then for what can be had. */
	async open(wanted: Tracks): Promise<void> {
		this.#blinded = !wanted.video;
		this.#muted = !wanted.audio;
		if (wanted.audio && wanted.video && (await this.#take({ audio: true, video: true }))) return;
		if (wanted.audio) await this.#take({ audio: true, video: false });
		if (wanted.video) await this.#take({ audio: false, video: true });
	}

	/** close gives the devices back. */
	close(): void {
		this.#closed = true;
		this.#meter.close();
		for (const track of this.stream.getTracks()) this.#drop(track);
	}

	track(kind: Kind): MediaStreamTrack | null {
		return this.stream.getTracks().find((t) => t.kind === kind) ?? null;
	}

	/** problem says why a device is missing, null if it is not. */
	problem(kind: Kind): MediaProblem | null {
		return this.#problems[kind];
	}

	/** Which devices there are; a camera that is switched off is given back, yet there. */
	get has(): Tracks {
		return {
			audio: this.track("audio") !== null,
			video: this.track("video") !== null || (this.#blinded && this.#problems.video === null),
		};
	}

	/** Whether others do not hear us. */
	get muted(): boolean {
		return this.#muted || this.track("audio") === null;
	}

	/** Whether others do not see us. */
	get blinded(): boolean {
		return this.#blinded || this.track("video") === null;
	}

	/** mute keeps the microphone, and sends silence. */
	async mute(now: boolean): Promise<void> {
		if (!now && this.track("audio") === null && !(await this.#takeOnce("audio"))) return this.emit("change", null);
		this.#muted = now;
		const track = this.track("audio");
		if (track) track.enabled = !now;
		if (now) this.#setVoice(false);
		this.emit("change", null);
	}

	/** blind gives the camera back, so that its light goes off. */
	async blind(now: boolean): Promise<void> {
		const track = this.track("video");
		if (now && track) this.#drop(track);
		if (!now && !track && !(await this.#takeOnce("video"))) return this.emit("change", null);
		this.#blinded = now;
		this.emit("change", null);
	}

	/** takeOnce asks for one device, unless it is being asked for already. */
	async #takeOnce(kind: Kind): Promise<boolean> {
		if (this.#asking) return false;
		this.#asking = true;
		const got = await this.#take({ audio: kind === "audio", video: kind === "video" });
		this.#asking = false;
		return got;
	}

	async #take(what: Tracks): Promise<boolean> {
		try {
			const stream = await navigator.mediaDevices.getUserMedia({
				audio: what.audio && { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
				video: what.video && { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } },
			});
			for (const track of stream.getTracks()) this.#add(track);
			return !this.#closed;
		} catch (err) {
			for (const kind of ["audio", "video"] as const) if (what[kind]) this.#problems[kind] = problemOf(err);
			return false;
		}
	}

	#add(track: MediaStreamTrack): void {
		if (this.#closed) {
			track.stop(); // the user has left while the browser asked
			return;
		}
		const kind: Kind = track.kind === "audio" ? "audio" : "video";
		this.#problems[kind] = null;
		this.stream.addTrack(track);
		track.onended = () => this.#lost(track, kind);
		if (kind === "audio") this.#meter.watch(track);
	}

	/** lost: a device was pulled out, or the user took the permission back. */
	#lost(track: MediaStreamTrack, kind: Kind): void {
		this.#problems[kind] = "none";
		this.#drop(track);
		this.emit("change", null);
	}

	#drop(track: MediaStreamTrack): void {
		track.onended = null;
		track.stop();
		this.stream.removeTrack(track);
	}

	/** heard is told how loud we are; words have pauses between them. */
	#heard(loudness: number): void {
		if (loudness > LOUD && !this.muted) {
			this.#lastLoud = Date.now();
			this.#setVoice(true);
		} else if (Date.now() - this.#lastLoud > PAUSE) {
			this.#setVoice(false);
		}
	}

	/** setVoice repeats that we speak, for who wants to say it until it is heard. */
	#setVoice(now: boolean): void {
		if (!now && !this.#voice) return;
		this.#voice = now;
		this.emit("voice", now);
	}
}

function problemOf(err: unknown): MediaProblem {
	if (!navigator.mediaDevices) return "unavailable";
	switch (err instanceof DOMException ? err.name : "") {
		case "NotAllowedError":
		case "SecurityError":
			return "denied";
		case "NotFoundError":
		case "OverconstrainedError":
			return "none";
		default:
			return "busy";
	}
}

/** Meter measures how loud a track is, where the browser can. */
class Meter {
	readonly #told: (loudness: number) => void;
	#context: AudioContext | null = null;
	#timer: ReturnType<typeof setInterval> | undefined;

	constructor(told: (loudness: number) => void) {
		this.#told = told;
	}

	watch(track: MediaStreamTrack): void {
		this.close();
		try {
			const context = new AudioContext();
			const analyser = context.createAnalyser();
			analyser.fftSize = 512;
			context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
			const samples = new Float32Array(analyser.fftSize);
			this.#context = context;
			this.#timer = setInterval(() => {
				analyser.getFloatTimeDomainData(samples);
				this.#told(Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length));
			}, LISTEN);
		} catch {
			this.close(); // nobody is told that we speak
		}
	}

	close(): void {
		clearInterval(this.#timer);
		void this.#context?.close().catch(() => {});
		this.#context = null;
	}
}
