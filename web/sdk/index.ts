// The SDK of Presence: log in, join rooms, talk. It knows no page, and needs
// nothing but a WebSocket.

export { Account, type AccountEvents } from "./account";
export { Chat, type ChatEvents, type Outgoing } from "./chat";
export { Connection, type ConnectionState, type Credentials, type Ending } from "./connection";
export type { Undo } from "./events";
export { Identities } from "./identities";
export { NO_ANSWER, OFFLINE, Refused } from "./requests";
export { Room, type RoomEvents } from "./room";
export type { AccountId, Identity, Message, RoomId } from "./types";
