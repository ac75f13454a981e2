import { el } from "./dom";

/** How long a notice stays, in milliseconds. */
const STAYS = 6_000;

/** Notices tells what happened: on the screen for a while, or to screen readers only. */
export class Notices {
	readonly #quiet = el("div", { class: "notices", role: "status", "aria-live": "polite" });
	readonly #loud = el("div", { class: "notices loud", role: "alert" });
	readonly #spoken = el("p", { class: "sr-only", role: "status", "aria-live": "polite" });
	readonly element = el("div", { class: "notice-stack" }, this.#quiet, this.#loud, this.#spoken);

	say(text: string): void {
		this.#show(this.#quiet, text);
	}

	/** warn tells of something that went wrong. */
	warn(text: string): void {
		this.#show(this.#loud, text);
	}

	/** announce speaks what everybody else sees anyway. */
	announce(text: string): void {
		this.#spoken.textContent = text;
	}

	#show(where: HTMLElement, text: string): void {
		const notice = el("p", { class: "notice" }, text);
		where.append(notice);
		setTimeout(() => notice.remove(), STAYS);
	}
}
