// What goes over the wire, as far as this SDK uses it (docs/protocol.md 3 to 10),
// and the functions that read it: what has another shape than expected counts as
// absent, so that a page never stumbles over a message.

export type AccountId = string;
export type RoomId = string;

/** Frame is one layer of a message (docs/protocol.md 3.1). */
export interface Frame {
	type: string;
	data?: unknown;
	requestId?: string;
}

/** Reply answers a request; it has no type. */
export interface Reply {
	requestId: string;
	response: unknown;
	error: unknown;
}

/** Identity is what is known of a person (docs/protocol.md 5.1). */
export interface Identity {
	clientId: AccountId;
	name: string;
	login: string | null;
	/** a data URL */
	avatar: string | null;
	isAdmin: boolean;
	isOnline: boolean;
	lastUpdate: number;
}

/** RoomConf is what is told of a room when it is joined (docs/protocol.md 4.2). */
export interface RoomConf {
	clientId: RoomId;
	persistent: boolean;
	name: string;
	avatar: string | null;
}

/** RoomState is the state of a room as one account sees it (docs/protocol.md 7.3). */
export interface RoomState {
	name: string;
	ownerId: AccountId | null;
	persistent: boolean;
	users: AccountId[];
	admins: AccountId[];
	unread: number | null;
	lastMessage: Message | null;
	/** who is in the call, see Live */
	peers: unknown;
	/** null: the server cannot hide them */
	hidesAddresses: boolean | null;
}

/** Message is a chat message (docs/protocol.md 8.1). */
export interface Message {
	msgId: string;
	/** null: a guest wrote it */
	fromId: AccountId | null;
	name: string;
	/** milliseconds since 1970, the server's clock */
	time: number;
	text: string;
}

type Fields = Record<string, unknown>;

export function fields(value: unknown): Fields | null {
	return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

export function text(value: unknown): string | null {
	return typeof value === "string" ? value : null;
}

function texts(value: unknown): string[] {
	return Array.isArray(value) ? value.filter((v) => typeof v === "string") : [];
}

/** picture takes only images that the message itself carries. */
function picture(value: unknown): string | null {
	return typeof value === "string" && value.startsWith("data:image/") ? value : null;
}

export function readFrame(value: unknown): Frame | null {
	const f = fields(value);
	return f && typeof f.type === "string" ? { type: f.type, data: f.data } : null;
}

export function readReply(value: unknown): Reply | null {
	const f = fields(value);
	if (!f || typeof f.requestId !== "string" || !("response" in f)) return null;
	return { requestId: f.requestId, response: f.response, error: f.error ?? null };
}

export function readIdentity(value: unknown): Identity | null {
	const f = fields(value);
	if (!f || typeof f.clientId !== "string" || typeof f.name !== "string") return null;
	return {
		clientId: f.clientId,
		name: f.name,
		login: text(f.fUsername),
		avatar: picture(f.avatar),
		isAdmin: f.isAdmin === true,
		isOnline: f.isOnline === true,
		lastUpdate: Number(f.lastUpdate) || 0,
	};
}

/** changedIdentity is the identity after an identity-update (docs/protocol.md 5.3). */
export function changedIdentity(old: Identity, update: unknown): Identity | null {
	const f = fields(update);
	if (!f || Number(f.lastUpdate) < old.lastUpdate) return null;
	const next = { ...old, lastUpdate: Number(f.lastUpdate) || old.lastUpdate };
	if (f.key === "name" && typeof f.value === "string") next.name = f.value;
	if (f.key === "avatar") next.avatar = picture(f.value);
	if (f.key === "isOnline") next.isOnline = f.value === true;
	return next;
}

export function readConf(value: unknown): RoomConf | null {
	const f = fields(value);
	if (!f || typeof f.clientId !== "string") return null;
	return {
		clientId: f.clientId,
		persistent: f.persistent === true,
		name: text(f.name) ?? "",
		avatar: picture(f.avatar),
	};
}

export function readState(value: unknown): RoomState | null {
	const f = fields(value);
	if (!f) return null;
	const relation = fields(f.relation);
	const settings = fields(f.settings);
	return {
		name: text(f.name) ?? "",
		ownerId: text(f.ownerId),
		persistent: f.persistent === true,
		users: texts(f.users),
		admins: texts(f.admins),
		unread: typeof relation?.unreadMessages === "number" ? relation.unreadMessages : null,
		lastMessage: readMessageEvent(relation?.lastMessage),
		peers: f.peers,
		hidesAddresses: typeof settings?.hideAddresses === "boolean" ? settings.hideAddresses : null,
	};
}

export function readMessage(value: unknown): Message | null {
	const f = fields(value);
	if (!f || typeof f.msgId !== "string" || typeof f.message !== "string" || typeof f.time !== "number") return null;
	return { msgId: f.msgId, fromId: text(f.fromId), name: text(f.name) ?? "", time: f.time, text: f.message };
}

/** readMessageEvent reads a message as logs have it, inside an event. */
export function readMessageEvent(value: unknown): Message | null {
	const f = readFrame(value);
	return f?.type === "msg" ? readMessage(f.data) : null;
}

/** readLogPage reads the answer to log; null: nothing is there (docs/protocol.md 8.2). */
export function readLogPage(value: unknown): Message[] | null {
	const events = fields(fields(fields(value)?.data)?.data)?.events;
	return Array.isArray(events) ? events.map(readMessageEvent).filter((m) => m !== null) : null;
}
