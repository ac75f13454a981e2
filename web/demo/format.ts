// Times are written as the visitor's system does, words in the page's language.

const timeFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const dayFormat = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const yearFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const shortDayFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const fullFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

export function timeOfDay(ms: number): string {
	return timeFormat.format(ms);
}

export function fullTime(ms: number): string {
	return fullFormat.format(ms);
}

/** dayOf is a number that all times of one day of the visitor have in common. */
export function dayOf(ms: number): number {
	return new Date(ms).setHours(0, 0, 0, 0);
}

export function dayName(ms: number, now = Date.now()): string {
	const days = Math.round((dayOf(now) - dayOf(ms)) / 86_400_000);
	if (days === 0) return "Today";
	if (days === 1) return "Yesterday";
	return (days > 0 && days < 300 ? dayFormat : yearFormat).format(ms);
}

/** when is as short as a list needs it. */
export function when(ms: number, now = Date.now()): string {
	return dayOf(ms) === dayOf(now) ? timeOfDay(ms) : shortDayFormat.format(ms);
}

export function count(n: number, one: string, many = `${one}s`): string {
	return `${n} ${n === 1 ? one : many}`;
}
