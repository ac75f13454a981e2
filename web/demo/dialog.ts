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
	dialog.addEventListener("close", () => dialog.remove());
	dialog.addEventListener("pointerdown", (e) => {
		if (e.target === dialog && outside(dialog, e)) dialog.close();
	});
	document.body.append(dialog);
	dialog.showModal();
	return dialog;
}

function outside(dialog: HTMLElement, e: PointerEvent): boolean {
	const box = dialog.getBoundingClientRect();
	return e.clientX < box.left || e.clientX > box.right || e.clientY < box.top || e.clientY > box.bottom;
}

/** errorLine is where a dialog says what went wrong. */
export function errorLine(): HTMLParagraphElement {
	return el("p", { class: "error", role: "alert" });
}
