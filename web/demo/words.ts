import { Refused, type Room } from "../sdk";

/** What the server's codes mean to somebody at this page. */
const meanings: Record<string, string> = {
	ERR_OFFLINE: "There is no connection to the server right now.",
	ERR_NO_ANSWER: "The server did not answer in time.",
	ERR_NOT_ADMIN: "Only the one who made the room may do that.",
	ERR_INVALID_NAME: "A name needs 1 to 191 characters.",
	ERR_ALREADY_PERSISTENT: "The room has a name already.",
	ERR_COULD_NOT_JOIN: "This invite link does not work, or not any more.",
	ERR_NOT_STORED: "The server could not save it. Please try again.",
	ERR_CREATE_FAILED: "The server could not make the room. Please try again.",
	ERR_MESSAGE_TOO_LONG: "The message is too long.",
	ERR_INVALID_ID: "This person is not known to the server.",
	ERR_LEAVE_FAILED: "The server could not take you out of the room. Please try again.",
};

/** reason says in words why something failed. */
export function reason(err: unknown): string {
	const code = err instanceof Refused ? err.code : "ERR_UNKNOWN";
	return meanings[code] ?? `The server refused it (${code}).`;
}

const TEMPORARY = "[ temp ] created by: ";

/** titleOf is the name under which a room is shown. */
export function titleOf(room: Room): string {
	if (room.persistent || !room.name.startsWith(TEMPORARY)) return room.name || "Room without a name";
	return `${possessive(room.name.slice(TEMPORARY.length))} room`;
}

function possessive(name: string): string {
	return `${name}${name.endsWith("s") ? "’" : "’s"}`;
}

/** firstName keeps lists of people short. */
export function firstName(name: string): string {
	return name.trim().split(/\s+/u)[0] ?? name;
}
