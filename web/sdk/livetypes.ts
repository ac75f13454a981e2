import { fields, readFrame, text, type AccountId } from "./types";

// What calls say over the wire (docs/protocol.md 16), and the functions that read it.
// Peers may say anything: every text and every list has an end.

/** Longest texts and lists that are taken. */
const LONGEST_ID = 191;
const LONGEST_SDP = 60_000;
const LONGEST_CANDIDATE = 1_000;
const LONGEST_URL = 500;
const MOST_SERVERS = 16;
const MOST_PEERS = 200;

export type Kind = "audio" | "video";

/** Tracks says something of sound and picture. */
export interface Tracks {
	audio: boolean;
	video: boolean;
}

/** CallConf is what a browser needs to take part (16.2). */
export interface CallConf {
	sessionId: string;
	ice: IceConf;
	peers: AccountId[];
	speaker: AccountId | null;
}

/** IceConf says how peers find each other. */
export interface IceConf {
	servers: RTCIceServer[];
	/** addresses are hidden: everything goes through the server */
	relayOnly: boolean;
}

/** Meta is what peers tell of themselves before the media begins. */
export interface Meta {
	sends: Tracks;
	wants: Tracks;
	muted: boolean;
	blinded: boolean;
}

/** Signal is a part of the negotiation between two browsers. */
export type Signal =
	| { type: "description"; description: RTCSessionDescriptionInit }
	| { type: "candidate"; candidate: RTCIceCandidateInit | null }
	| { type: "negotiate"; step: "request" | "accept" | "deny" };

function bounded(value: unknown, most: number): string | null {
	const s = text(value);
	return s !== null && s.length > 0 && s.length <= most ? s : null;
}

export function readId(value: unknown): AccountId | null {
	return bounded(value, LONGEST_ID);
}

/** readIds takes each id once. */
export function readIds(value: unknown): AccountId[] {
	if (!Array.isArray(value)) return [];
	const ids = value
		.slice(0, MOST_PEERS)
		.map(readId)
		.filter((id) => id !== null);
	return [...new Set(ids)];
}

/** readServers takes those that a browser would not refuse. */
export function readServers(value: unknown): RTCIceServer[] {
	if (!Array.isArray(value)) return [];
	const servers: RTCIceServer[] = [];
	for (const one of value.slice(0, MOST_SERVERS)) {
		const f = fields(one);
		const given = Array.isArray(f?.urls) ? f.urls.slice(0, MOST_SERVERS) : [];
		const urls = given.map((u) => bounded(u, LONGEST_URL)).filter((u) => u !== null && /^(stun|turns?):./u.test(u));
		const username = text(f?.username);
		const credential = text(f?.credential);
		const usable = urls.filter((u) => u?.startsWith("stun:") || (username !== null && credential !== null)) as string[];
		if (usable.length === 0) continue;
		servers.push(username !== null && credential !== null ? { urls: usable, username, credential } : { urls: usable });
	}
	return servers;
}

/** readOpen reads open; clientId is the live id that is meant. */
export function readOpen(value: unknown): { clientId: string; conf: CallConf } | null {
	const f = fields(value);
	const live = fields(f?.live);
	const conf = fields(live?.liveConf);
	const clientId = text(f?.clientId);
	const sessionId = text(live?.sessionId);
	if (!conf || clientId === null || sessionId === null) return null;
	return {
		clientId,
		conf: {
			sessionId,
			ice: { servers: readServers(conf.ICE), relayOnly: conf.iceTransportPolicy === "relay" },
			peers: readIds(conf.peerList),
			speaker: readId(fields(conf.speaking)?.current),
		},
	};
}

/** readTracks takes what is not said as what is usual. */
export function readTracks(value: unknown, usual: Tracks): Tracks {
	const f = fields(value);
	return {
		audio: typeof f?.audio === "boolean" ? f.audio : usual.audio,
		video: typeof f?.video === "boolean" ? f.video : usual.video,
	};
}

export function readMeta(value: unknown): Meta {
	const f = fields(value);
	const state = fields(f?.state);
	return {
		sends: readTracks(f?.sending, { audio: true, video: true }),
		wants: readTracks(f?.receive, { audio: true, video: true }),
		muted: state?.isMuted === true,
		blinded: state?.isBlinded === true,
	};
}

/** readStamps reads sync-accept: the sender's stamp, and the one that it heard. */
export function readStamps(value: unknown): [number, number] | null {
	if (!Array.isArray(value)) return null;
	const [own, heard] = value.map(readStamp);
	return typeof own === "number" && typeof heard === "number" ? [own, heard] : null;
}

export function readStamp(value: unknown): number | null {
	return Number.isSafeInteger(value) ? (value as number) : null;
}

/** readSignal reads what is inside webrtc-stream. */
export function readSignal(value: unknown): Signal | null {
	const e = readFrame(value);
	switch (e?.type) {
		case "sdp":
			return readDescription(e.data);
		case "candidate":
			return readCandidate(e.data);
		case "negotiate":
			return e.data === "request" || e.data === "accept" || e.data === "deny"
				? { type: "negotiate", step: e.data }
				: null;
		default:
			return null;
	}
}

function readDescription(value: unknown): Signal | null {
	const f = fields(value);
	const sdp = bounded(f?.sdp, LONGEST_SDP);
	if (sdp === null || (f?.type !== "offer" && f?.type !== "answer")) return null;
	return { type: "description", description: { type: f.type, sdp } };
}

/** readCandidate: some browsers end the list with an empty text instead of null. */
function readCandidate(value: unknown): Signal | null {
	const f = fields(value);
	if (value === null || f?.candidate === "") return { type: "candidate", candidate: null };
	const candidate = bounded(f?.candidate, LONGEST_CANDIDATE);
	if (!f || candidate === null) return null;
	const line = f.sdpMLineIndex;
	return {
		type: "candidate",
		candidate: {
			candidate,
			sdpMid: bounded(f.sdpMid, LONGEST_ID),
			sdpMLineIndex: typeof line === "number" && line >= 0 && line < 1_000 ? line : null,
			usernameFragment: bounded(f.usernameFragment, LONGEST_ID),
		},
	};
}
