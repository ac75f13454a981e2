import { el } from "./dom";
import { icon } from "./icons";

let lastId = 0;

/**
 * openDialog shows a dialog with a title and returns it. Escape, the cross and a
 * click beside it close it; the browser then gives the focus back.
 */
export function openDialog(title: string, ...body: Node[]): HTMLDialogElement {
	const id = `dialog-${++lastId}`;
	const close = el(
		"button",
		{ type: "button", class: "plain round", "aria-label": "Close", onclick: () => dialog.close() },
		icon("close"),
	);
	const dialog = el(
		"dialog",
		{ class: "dialog", "aria-labelledby": id },
		el("header", {}, el("h2", { id }, title), close),
		...body,
	);
	dialog.addEventListener("close", () => {
		dialog.remove();
		placeCaret();
	});
	dialog.addEventListener("pointerdown", (e) => {
		if (e.target === dialog && outside(dialog, e)) dialog.close();
	});
	document.body.append(dialog);
	dialog.showModal();
	return dialog;
}

/**
 * placeCaret puts the caret behind the text. Chromium gives the focus back while the
 * page behind the dialog cannot be edited yet; without this it has no caret at all.
 */
function placeCaret(): void {
	const at = document.activeElement;
	if (at instanceof HTMLTextAreaElement) at.setSelectionRange(at.value.length, at.value.length);
}

function outside(dialog: HTMLElement, e: PointerEvent): boolean {
	const box = dialog.getBoundingClientRect();
	return e.clientX < box.left || e.clientX > box.right || e.clientY < box.top || e.clientY > box.bottom;
}

/** closeDialogs closes what is about something that is no longer there. */
export function closeDialogs(): void {
	for (const dialog of document.querySelectorAll("dialog")) dialog.close();
}

/** errorLine is where a dialog says what went wrong. */
export function errorLine(): HTMLParagraphElement {
	return el("p", { class: "error", role: "alert" });
}
