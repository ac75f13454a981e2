// Elements without markup: texts of users only ever become text.

type Child = Node | string | null | undefined | false;
type Value = string | number | boolean | null | undefined | ((e: never) => void);

/** el makes an element. A function is a listener ("onclick"), true an attribute without value. */
export function el<Tag extends keyof HTMLElementTagNameMap>(
	tag: Tag,
	attributes: Record<string, Value> = {},
	...children: Child[]
): HTMLElementTagNameMap[Tag] {
	const e = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) {
		if (typeof value === "function") e.addEventListener(name.slice(2), value as EventListener);
		else if (value === true) e.setAttribute(name, "");
		else if (value !== false && value !== null && value !== undefined) e.setAttribute(name, String(value));
	}
	fill(e, ...children);
	return e;
}

/** fill puts children in the place of those that were there. */
export function fill(parent: Element, ...children: Child[]): void {
	parent.replaceChildren(...children.filter((c) => c !== null && c !== undefined && c !== false));
}

/** arrange makes nodes the children of parent, and leaves alone what is in its place. */
export function arrange(parent: Element, nodes: readonly Node[]): void {
	const focused = document.activeElement;
	let at = parent.firstChild;
	for (const node of nodes) {
		if (node === at) at = at.nextSibling;
		else parent.insertBefore(node, at);
	}
	while (at) {
		const next = at.nextSibling;
		at.remove();
		at = next;
	}
	if (focused instanceof HTMLElement && focused !== document.activeElement && parent.contains(focused)) focused.focus();
}

/** setText writes only what is different, so that nothing is announced twice. */
export function setText(e: Element, text: string): void {
	if (e.textContent !== text) e.textContent = text;
}

/** soon returns a function that calls render once, after what is going on now. */
export function soon(render: () => void): () => void {
	let due = false;
	return () => {
		if (due) return;
		due = true;
		queueMicrotask(() => {
			due = false;
			render();
		});
	};
}
