// The SDK of Presence: log in, join rooms, talk, call. It knows no page, and needs
// nothing but a WebSocket; for calls, what browsers have for those.

export { Account, type AccountEvents } from "./account";
export { Chat, type ChatEvents, type Outgoing } from "./chat";
export { Connection, type ConnectionState, type Credentials, type Ending } from "./connection";
export type { Undo } from "./events";
export { Identities } from "./identities";
export { Live, type CallEnding, type CallState, type LiveEvents } from "./live";
export type { Kind, Tracks } from "./livetypes";
export { LocalMedia, type MediaProblem } from "./media";
export { Peer, type PeerState } from "./peer";
export { NO_ANSWER, OFFLINE, Refused } from "./requests";
export { Room, type RoomEvents } from "./room";
export type { AccountId, Identity, Message, RoomId } from "./types";
