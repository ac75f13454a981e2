/** Outlines on a field of 24 by 24. */
const outlines = {
	plus: "M12 5v14M5 12h14",
	back: "M15 5l-7 7 7 7",
	close: "M6 6l12 12M18 6L6 18",
	send: "M5 12h13M12 5l7 7-7 7",
	down: "M12 5v13M6 12l6 6 6-6",
	check: "M5 12.5l4.5 4.5L19 7.5",
	tag: "M4 4h8l8.5 8.5-8 8L4 12zM8.2 8.2h.01",
	addPerson: "M10 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6M19 8v6M16 11h6",
	people:
		"M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6M16 4.4a3.5 3.5 0 0 1 0 6.2M18.5 14.6c1.9.9 3 2.9 3 5.4",
	link: "M10 14a4 4 0 0 0 5.7 0l3.1-3.1a4 4 0 0 0-5.7-5.7L12 6.3M14 10a4 4 0 0 0-5.7 0l-3.1 3.1a4 4 0 0 0 5.7 5.7L12 17.7",
	leave: "M14 4H6a1 1 0 0 0-1 1v14a1 1 0 0 0 1 1h8M10 12h11M17 8l4 4-4 4",
	swap: "M4 8h14M14 4l4 4-4 4M20 16H6M10 12l-4 4 4 4",
	window: "M4 5h16v14H4zM4 9h16",
	speech: "M5 5h14a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1h-7l-5 4v-4H5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1z",
	phone:
		"M6.5 4h3l1.5 4-2 1.5a11 11 0 0 0 5.5 5.5l1.5-2 4 1.5v3a1.5 1.5 0 0 1-1.6 1.5A16.5 16.5 0 0 1 5 5.6 1.5 1.5 0 0 1 6.5 4z",
	hangUp: "M3.5 14.5c4.7-4.3 12.3-4.3 17 0l-2.2 2.8-3.6-1.6v-2.4a10 10 0 0 0-5.4 0v2.4l-3.6 1.6z",
	mic: "M12 3.5A2.5 2.5 0 0 1 14.5 6v5.5a2.5 2.5 0 0 1-5 0V6A2.5 2.5 0 0 1 12 3.5zM6 11.5a6 6 0 0 0 12 0M12 17.5V21",
	micOff:
		"M9.5 9.5v2a2.5 2.5 0 0 0 4 2M14.5 11V6a2.5 2.5 0 0 0-4.8-1M6 11.5a6 6 0 0 0 9.7 4.7M17.6 13.5a6 6 0 0 0 .4-2M12 17.5V21M4 4l16 16",
	camera: "M4 7h10a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1zM15 11l6-3v8l-6-3",
	cameraOff: "M6 7H4a1 1 0 0 0-1 1v8a1 1 0 0 0 1 1h10a1 1 0 0 0 .9-.6M10 7h4a1 1 0 0 1 1 1v3l6-3v8l-3-1.5M4 4l16 16",
	shield: "M12 3.5l7 2.5v5.5c0 4.2-2.9 7.4-7 9-4.1-1.6-7-4.8-7-9V6zM9 12l2.2 2.2L15.2 10",
} as const;

export type IconName = keyof typeof outlines;

const SVG = "http://www.w3.org/2000/svg";

/** icon is decoration; what it stands for must be said beside it. */
export function icon(name: IconName): SVGSVGElement {
	const svg = document.createElementNS(SVG, "svg");
	svg.setAttribute("viewBox", "0 0 24 24");
	svg.setAttribute("class", "icon");
	svg.setAttribute("aria-hidden", "true");
	const path = document.createElementNS(SVG, "path");
	path.setAttribute("d", outlines[name]);
	svg.append(path);
	return svg;
}
