import type { Connection, ConnectionState, Undo } from "../sdk";
import { el, fill } from "./dom";

/** Times in milliseconds: how long good news stay, and when bad news are worth it. */
const GOOD_NEWS = 3_000;
const SOON = 2_000;

/** Banner says how the connection is, unless all is well. */
export class Banner {
	readonly #connection: Connection;
	readonly #text = el("span", { role: "status", "aria-live": "polite" });
	readonly #count = el("span", { class: "countdown", "aria-hidden": "true" });
	readonly #now = el("button", { type: "button", class: "text-button" }, "Try now");
	readonly #undo: Undo;
	readonly element = el(
		"div",
		{ class: "banner", hidden: true },
		el("span", { class: "banner-dot" }),
		this.#text,
		this.#count,
		this.#now,
	);
	#timer: ReturnType<typeof setTimeout> | undefined;
	#trouble = false;

	constructor(connection: Connection) {
		this.#connection = connection;
		this.#now.addEventListener("click", () => connection.wake());
		this.#undo = connection.on("state", (state) => this.#show(state));
		this.#show(connection.state);
	}

	close(): void {
		clearTimeout(this.#timer);
		this.#undo();
	}

	#show(state: ConnectionState): void {
		clearTimeout(this.#timer);
		switch (state.name) {
			case "connecting":
				this.#say(
					state.again || this.#trouble ? "trouble" : "busy",
					this.#trouble || state.again ? "Connection lost. Reconnecting…" : "Connecting…",
				);
				return;
			case "waiting":
				this.#trouble = true;
				this.#say(
					"trouble",
					this.#connection.account ? "Connection lost. Reconnecting…" : "The server cannot be reached. Trying again…",
				);
				this.#countDown(state.retryAt);
				return;
			case "online":
				if (this.#trouble) this.#say("good", "Connected again");
				this.#trouble = false;
				this.#timer = setTimeout(
					() => (this.element.hidden = true),
					this.element.className.includes("good") ? GOOD_NEWS : 0,
				);
				return;
			default:
				this.element.hidden = true;
		}
	}

	#say(kind: "busy" | "trouble" | "good", text: string): void {
		this.element.className = `banner ${kind}`;
		this.element.hidden = false;
		if (this.#text.textContent !== text) this.#text.textContent = text;
		fill(this.#count);
		this.#now.hidden = true;
	}

	/** countDown tells when the next attempt is, if that is not very soon. */
	#countDown(retryAt: number): void {
		const left = retryAt - Date.now();
		if (left < SOON) return;
		this.#now.hidden = false;
		fill(this.#count, `next try in ${Math.ceil(left / 1000)} s`);
		this.#timer = setTimeout(() => this.#countDown(retryAt), 500);
	}
}
