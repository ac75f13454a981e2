import { Refused, type LocalMedia, type MediaProblem, type Room } from "../sdk";

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
	ERR_CALL_FULL: "The call is full: the room does not allow more people in it.",
	ERR_NO_RELAY: "The room hides addresses in calls, and the server cannot do that at the moment.",
	ERR_HIDDEN_FOR_ALL: "The server hides addresses in all rooms; that cannot be switched off here.",
	ERR_LEAVE_FAILED: "The server could not take you out of the room. Please try again.",
};

/** reason says in words why something failed. */
export function reason(err: unknown): string {
	return reasonOf(err instanceof Refused ? err.code : "ERR_UNKNOWN");
}

export function reasonOf(code: string): string {
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

/** listed joins names as one says them. */
export function listed(names: readonly string[]): string {
	if (names.length < 2) return names.join("");
	return `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
}

const problems: Record<MediaProblem, string> = {
	denied: "is not allowed for this page",
	none: "was not found",
	busy: "does not work, or another program uses it",
	unavailable: "is not given to pages from an unsafe address",
};

/** missingDevices says what the others do not get of us, and why; empty if nothing is missing. */
export function missingDevices(media: LocalMedia): string {
	const audio = media.problem("audio");
	const video = media.problem("video");
	if (audio && video) {
		const why =
			audio === video ? `Neither microphone nor camera: ${both[audio]}.` : "Neither microphone nor camera can be used.";
		return `${why} You can watch and listen, and write.`;
	}
	if (video) return `The camera ${problems[video]}. The others hear you and do not see you.`;
	if (audio) return `The microphone ${problems[audio]}. The others see you and do not hear you.`;
	return "";
}

const both: Record<MediaProblem, string> = {
	denied: "this page is not allowed to use them",
	none: "none was found",
	busy: "they do not work, or another program uses them",
	unavailable: "pages from an unsafe address get none",
};
