import { el } from "./dom";

/** Web addresses; what ends a sentence does not belong to them. */
const ADDRESS = /https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'’”]/giu;

/** messageText makes links of the web addresses in a text; the rest stays text. */
export function messageText(text: string): (Node | string)[] {
	const parts: (Node | string)[] = [];
	let from = 0;
	for (const found of text.matchAll(ADDRESS)) {
		parts.push(text.slice(from, found.index), link(found[0]));
		from = found.index + found[0].length;
	}
	parts.push(text.slice(from));
	return parts;
}

function link(address: string): Node | string {
	if (!URL.canParse(address)) return address;
	return el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, address);
}
