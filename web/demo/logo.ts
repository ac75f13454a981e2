import { el } from "./dom";

/** logo is the name of the product with its sign. */
export function logo(): HTMLElement {
	return el(
		"div",
		{ class: "logo" },
		el("img", { src: "demo/icon.svg", alt: "", width: 32, height: 32 }),
		el("span", {}, "Presence"),
		el("span", { class: "chip" }, "Demo"),
	);
}
