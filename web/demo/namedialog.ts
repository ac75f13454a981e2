import type { Room } from "../sdk";
import { errorLine, openDialog } from "./dialog";
import { el } from "./dom";
import { reason } from "./words";

/** The server takes so many characters. */
const LONGEST = 191;

/** openNameDialog names a temporary room, which keeps it, or renames a kept one. */
export function openNameDialog(room: Room): void {
	const keeps = !room.persistent;
	const input = el("input", {
		id: "room-name",
		type: "text",
		maxlength: LONGEST,
		required: true,
		autocomplete: "off",
		placeholder: "Road map",
		autofocus: true,
		"aria-describedby": "room-name-help",
	});
	input.value = keeps ? "" : room.name;
	const error = errorLine();
	const save = el("button", { class: "primary", type: "submit" }, keeps ? "Name and keep" : "Rename");
	const form = el(
		"form",
		{ class: "stack", novalidate: true },
		el("label", { for: "room-name" }, "Name"),
		input,
		el("p", { id: "room-name-help", class: "help" }, help(keeps)),
		error,
		el("footer", {}, el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Cancel"), save),
	);
	const dialog = openDialog(keeps ? "Name this room" : "Rename room", form);
	input.select();
	form.addEventListener("submit", (e) => {
		e.preventDefault();
		void submit();
	});

	async function submit(): Promise<void> {
		const name = input.value.trim();
		if (name === "") {
			error.textContent = "Please give the room a name.";
			input.focus();
			return;
		}
		save.disabled = true;
		try {
			await (keeps ? room.persist(name) : room.rename(name));
			dialog.close();
		} catch (err) {
			error.textContent = reason(err);
			save.disabled = false;
			input.focus();
		}
	}
}

function help(keeps: boolean): string {
	return keeps
		? "A room with a name stays: its people and everything that was said are still there after the server was restarted."
		: "Everybody in the room sees the new name at once.";
}
