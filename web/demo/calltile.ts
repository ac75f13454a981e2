import { avatar } from "./avatar";
import { el, fill, setText } from "./dom";
import { icon } from "./icons";

/** TileLook is what a tile shows beside the picture. */
export interface TileLook {
	name: string;
	avatar: string | null;
	/** whether there is a picture to see */
	visible: boolean;
	muted: boolean;
	speaking: boolean;
	/** how the connection is, empty if it is good */
	trouble: string;
}

/** Tile is one person in a call: picture, name, and what goes on. */
export class Tile {
	readonly #video = el("video", { playsinline: true, "aria-hidden": "true" });
	readonly #face = el("span", { class: "face" });
	readonly #name = el("span", { class: "tile-name" });
	readonly #mute = el(
		"span",
		{ class: "tile-mute", hidden: true },
		icon("micOff"),
		el("span", { class: "sr-only" }, "muted"),
	);
	readonly #trouble = el("p", { class: "tile-trouble", hidden: true });
	readonly element: HTMLLIElement;
	#drawn = "";

	/** own pictures are mirrored and silent. */
	constructor(stream: MediaStream, own: boolean) {
		this.#video.srcObject = stream;
		this.#video.muted = own;
		this.element = el(
			"li",
			{ class: own ? "tile own" : "tile" },
			this.#video,
			this.#face,
			this.#trouble,
			el("span", { class: "tile-label" }, this.#mute, this.#name),
		);
		stream.addEventListener("addtrack", () => void this.play());
		this.#video.addEventListener("loadedmetadata", () => void this.play());
	}

	/** play says whether the browser lets us: some want a click before there is sound. */
	async play(): Promise<boolean> {
		if (!this.#video.paused) return true;
		try {
			await this.#video.play();
			return true;
		} catch (err) {
			return !(err instanceof DOMException && err.name === "NotAllowedError");
		}
	}

	show(look: TileLook): void {
		const drawn = JSON.stringify(look);
		if (drawn === this.#drawn) return;
		this.#drawn = drawn;
		this.element.classList.toggle("visible", look.visible);
		this.element.classList.toggle("speaking", look.speaking);
		this.element.classList.toggle("waiting", look.trouble !== "");
		fill(this.#face, avatar(look.avatar, look.name));
		setText(this.#name, look.name);
		this.#mute.hidden = !look.muted;
		this.#trouble.hidden = look.trouble === "";
		setText(this.#trouble, look.trouble);
	}

	close(): void {
		this.#video.srcObject = null;
		this.element.remove();
	}
}
