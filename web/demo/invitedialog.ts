import type { Room } from "../sdk";
import { errorLine, openDialog } from "./dialog";
import { el, setText } from "./dom";
import { inviteAddress } from "./route";
import { reason, titleOf } from "./words";

/** openInviteDialog shows the link with which others join a room. */
export function openInviteDialog(room: Room): void {
	const link = el("input", {
		id: "invite-link",
		type: "text",
		readonly: true,
		value: "",
		placeholder: "One moment…",
		"aria-describedby": "invite-help",
	});
	const copy = el("button", { class: "primary", type: "button", disabled: true, autofocus: true }, "Copy link");
	const error = errorLine();
	const copied = el("p", { class: "sr-only", role: "status" });
	copy.addEventListener("click", () => void copyText());
	openDialog(
		"Invite with a link",
		el(
			"p",
			{ class: "help", id: "invite-help" },
			`Whoever opens this link in another window and chooses a person joins “${titleOf(room)}”.`,
		),
		el("div", { class: "field-row" }, el("label", { class: "sr-only", for: "invite-link" }, "Invite link"), link, copy),
		error,
		copied,
	);
	void load();

	async function load(): Promise<void> {
		try {
			link.value = inviteAddress(room.id, await room.inviteToken());
			copy.disabled = false;
			copy.focus();
		} catch (err) {
			error.textContent = reason(err);
		}
	}

	async function copyText(): Promise<void> {
		try {
			await navigator.clipboard.writeText(link.value);
			setText(copy, "Copied");
			copied.textContent = "The link was copied.";
		} catch {
			link.select();
			error.textContent = "This browser does not let pages copy. The link is selected: press Ctrl+C.";
		}
	}
}
