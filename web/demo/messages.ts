import { Refused, type AccountId, type Identities, type Message, type Outgoing } from "../sdk";
import { avatar } from "./avatar";
import { el } from "./dom";
import { dayName, dayOf, fullTime, timeOfDay } from "./format";
import { messageText } from "./messagetext";
import { reason } from "./words";

/** Messages of one author are shown together unless so much time lies between them. */
const TOGETHER = 5 * 60_000;

/** Item is one line of the log; two with the same key and look are the same. */
export interface Item {
	key: string;
	look: string;
	make(): HTMLLIElement;
}

export interface LogContent {
	self: AccountId | null;
	identities: Identities;
	messages: readonly Message[];
	outbox: readonly Outgoing[];
	/** the first message that had not been seen, if there is one */
	newFrom: string | null;
	retry(key: number): void;
	discard(key: number): void;
}

/** itemsOf lists what the log shows: days, messages, and what is not sent yet. */
export function itemsOf(content: LogContent): Item[] {
	const items: Item[] = [];
	let before: Message | null = null;
	for (const m of content.messages) {
		const newDay = !before || dayOf(before.time) !== dayOf(m.time);
		const isNew = m.msgId === content.newFrom;
		if (newDay) items.push(divider(`day-${dayOf(m.time)}`, dayName(m.time), "day"));
		if (isNew) items.push(divider("new", "New messages", "new"));
		const first =
			newDay || isNew || before?.fromId !== m.fromId || before.name !== m.name || m.time - before.time > TOGETHER;
		items.push(messageItem(content, m, first));
		before = m;
	}
	const mine = before !== null && before.fromId === content.self;
	content.outbox.forEach((o, n) => items.push(outgoingItem(content, o, n === 0 && !mine)));
	return items;
}

function divider(key: string, text: string, kind: "day" | "new"): Item {
	return { key, look: text, make: () => el("li", { class: `divider ${kind}` }, el("span", {}, text)) };
}

function messageItem(content: LogContent, m: Message, first: boolean): Item {
	const own = m.fromId !== null && m.fromId === content.self;
	const identity = content.identities.get(m.fromId);
	const name = identity?.name ?? m.name;
	return {
		key: m.msgId,
		look: [first, own, name, identity?.lastUpdate].join("|"),
		make: () =>
			el(
				"li",
				{ class: classes(own, first), "data-message": m.msgId },
				!own && (first ? avatar(identity?.avatar, name) : el("span", { class: "avatar-space" })),
				el(
					"div",
					{ class: "message-body" },
					own || !first
						? el("span", { class: "sr-only" }, own ? "You: " : `${name}: `)
						: el("p", { class: "author" }, name),
					bubble(m.text, m.time),
				),
			),
	};
}

function classes(own: boolean, first: boolean): string {
	return `message${own ? " own" : ""}${first ? " first" : ""}`;
}

function bubble(text: string, time: number): HTMLElement {
	return el(
		"div",
		{ class: "bubble" },
		el("p", { class: "text", dir: "auto" }, ...messageText(text)),
		el("time", { datetime: new Date(time).toISOString(), title: fullTime(time) }, timeOfDay(time)),
	);
}

function outgoingItem(content: LogContent, o: Outgoing, first: boolean): Item {
	return {
		key: `out-${o.key}`,
		look: [first, o.status, o.failure?.code].join("|"),
		make: () =>
			el(
				"li",
				{ class: `${classes(true, first)} ${o.status}` },
				el(
					"div",
					{ class: "message-body" },
					el("span", { class: "sr-only" }, "You: "),
					bubble(o.text, o.time),
					fate(content, o),
				),
			),
	};
}

/** fate says what has become of a message that is not in the log. */
function fate(content: LogContent, o: Outgoing): HTMLElement {
	if (o.status === "sending") return el("p", { class: "fate late" }, "Sending…");
	if (o.status === "waiting") return el("p", { class: "fate" }, "Will be sent when the connection is back");
	return el(
		"div",
		{ class: "fate failed", role: "alert" },
		el("span", {}, `Not sent. ${o.failure?.text ?? reason(new Refused(o.failure?.code ?? ""))}`),
		el("button", { type: "button", class: "text-button", onclick: () => content.retry(o.key) }, "Try again"),
		el("button", { type: "button", class: "text-button", onclick: () => content.discard(o.key) }, "Discard"),
	);
}
