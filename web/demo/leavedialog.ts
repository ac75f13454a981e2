import type { Room } from "../sdk";
import { errorLine, openDialog } from "./dialog";
import { el } from "./dom";
import { reason, titleOf } from "./words";

/** openLeaveDialog asks before leaving a room, and says what that means. */
export function openLeaveDialog(room: Room): void {
	const error = errorLine();
	const leave = el("button", { class: "danger", type: "button", onclick: () => void submit() }, "Leave room");
	const dialog = openDialog(
		`Leave “${titleOf(room)}”?`,
		el("p", {}, consequence(room)),
		error,
		el(
			"footer",
			{},
			el("button", { type: "button", class: "quiet", autofocus: true, onclick: () => dialog.close() }, "Stay"),
			leave,
		),
	);

	async function submit(): Promise<void> {
		leave.disabled = true;
		try {
			await room.leave();
			dialog.close();
		} catch (err) {
			error.textContent = reason(err);
			leave.disabled = false;
		}
	}
}

function consequence(room: Room): string {
	if (room.members.length <= 1)
		return "You are the last one here: nobody can come back to this room or read what was said.";
	return "You will not see what is said from now on. Somebody in the room can add you again.";
}
