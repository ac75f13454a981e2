import { el } from "./dom";

/** How many colors there are for those without a picture. */
const TONES = 6;

/** avatar shows a picture, else the initials of a name. */
export function avatar(
	picture: string | null | undefined,
	name: string,
	kind: "person" | "room" = "person",
): HTMLElement {
	if (picture)
		return el("span", { class: `avatar ${kind}`, "aria-hidden": "true" }, el("img", { src: picture, alt: "" }));
	return el("span", { class: `avatar ${kind} tone-${toneOf(name)}`, "aria-hidden": "true" }, initials(name));
}

/** withPresence adds a dot that says whether a person is online. */
export function withPresence(picture: HTMLElement, online: boolean): HTMLElement {
	picture.append(el("span", { class: online ? "dot online" : "dot" }));
	return picture;
}

function toneOf(name: string): number {
	let sum = 0;
	for (const c of name) sum = (sum * 7 + (c.codePointAt(0) ?? 0)) % 9973;
	return sum % TONES;
}

function initials(name: string): string {
	const words = name.trim().split(/\s+/u).filter(Boolean);
	const ends = words.length > 1 ? [words[0], words[words.length - 1]] : words;
	return (
		ends
			.map((w) => [...(w ?? "")][0] ?? "")
			.join("")
			.toUpperCase() || "?"
	);
}
