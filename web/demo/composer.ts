import type { Room } from "../sdk";
import { el } from "./dom";
import { icon } from "./icons";
import { titleOf } from "./words";

/** The text area grows up to so many pixels. */
const TALLEST = 180;

/** Composer is where messages are written. */
export class Composer {
	readonly #room: Room;
	readonly #sent: () => void;
	readonly #input = el("textarea", {
		id: "composer",
		rows: 1,
		enterkeyhint: "send",
		autocomplete: "off",
		"aria-describedby": "composer-help",
	});
	readonly #send = el(
		"button",
		{ type: "submit", class: "primary send", "aria-label": "Send message", disabled: true },
		icon("send"),
	);
	readonly element = el(
		"form",
		{ class: "composer" },
		el("label", { class: "sr-only", for: "composer" }, "Message"),
		el("div", { class: "composer-field" }, this.#input, this.#send),
		el(
			"p",
			{ id: "composer-help", class: "composer-help" },
			el("kbd", {}, "Enter"),
			" sends, ",
			el("kbd", {}, "Shift"),
			" + ",
			el("kbd", {}, "Enter"),
			" begins a new line",
		),
	);

	constructor(room: Room, sent: () => void) {
		this.#room = room;
		this.#sent = sent;
		this.#input.placeholder = `Write to ${titleOf(room)}`;
		this.#input.addEventListener("input", () => this.#changed());
		this.#input.addEventListener("keydown", (e) => this.#key(e));
		this.element.addEventListener("submit", (e) => {
			e.preventDefault();
			this.#submit();
		});
	}

	/** draft is what has been typed and not sent. */
	get draft(): string {
		return this.#input.value;
	}

	set draft(text: string) {
		this.#input.value = text;
		this.#grow();
	}

	focus(): void {
		this.#input.focus({ preventScroll: true });
	}

	retitle(): void {
		const placeholder = `Write to ${titleOf(this.#room)}`;
		if (this.#input.placeholder !== placeholder) this.#input.placeholder = placeholder;
	}

	#changed(): void {
		this.#grow();
		this.#room.chat.typing(this.#input.value !== "");
	}

	#key(e: KeyboardEvent): void {
		if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
		e.preventDefault();
		this.#submit();
	}

	#submit(): void {
		const text = this.#input.value.trim();
		if (text === "") return;
		this.draft = "";
		this.#room.chat.write(text);
		this.focus();
		this.#sent();
	}

	#grow(): void {
		this.#send.disabled = this.#input.value.trim() === "";
		this.#input.style.height = "auto";
		this.#input.style.height = `${Math.min(this.#input.scrollHeight, TALLEST)}px`;
	}
}
