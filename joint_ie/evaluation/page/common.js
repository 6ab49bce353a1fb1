// The pieces of this script are joined in the order of error_page.py, after the part that all pages share.
// Everything from documents gets onto the page as text (textContent, title), never as HTML.
const labels = new Map(Object.entries(data.labels)); // types may be called "constructor"
const SIDES = ["gold", "predicted"];
const chosen = { gold: new Set(), predicted: new Set() };
let visible = []; // numbers of the documents that filter and search leave
let current = 0;
let marks = []; // elements that a selection has marked
let words = []; // by token: its element and that of the gap after it, where it stands in a mention

// Spans as text, so that they can be compared.
const key = (span) => span.join("-");
const distinct = (spans) => [...new Set(spans.map(key))].sort();
const hue = (i) => Math.round(i * 137.508) % 360; // golden angle: neighbours differ
