// What the pages of documents and of graphs share, besides the part that all pages do; document_page.py and
// graph_page.py say how the pieces of their scripts are joined.
// Everything from documents gets onto the page as text (textContent, title, canvas), never as HTML.
let chosen = null; // what the reader picked
let least = 0; // relations with a lower score are not shown

function makeButton(className) {
  const button = make("button", undefined, className);
  button.type = "button";
  return button;
}

const count = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
const hue = (type) => data.hues[type];

// What stands for an entity or node, whose first two fields are its type and name
function dot(entity) {
  const element = make("span", "●\u00a0", "dot"); // stays on the line of the name
  element.ariaHidden = "true";
  element.style.setProperty("--hue", hue(entity[0]));
  return element;
}

// What is listed with two digits is compared with two digits; without a score, people said it.
const reaches = (score) => score === null || Number(score.toFixed(2)) >= least;

// The row of what was chosen: in its list, and on a narrow screen above the detail, which lies on the end of the page.
function revealRow(button) {
  reveal(button.closest("ul"), [button]);
  if (!button.closest("#relations")) return;
  const { top, bottom } = button.getBoundingClientRect();
  const covered = bottom - byId("detail").getBoundingClientRect().top;
  if (covered > 0 && top < innerHeight) scrollBy(0, covered + 8);
}

const arrow = () => make("span", " → ", "arrow");

function sentence(head, label, tail) {
  return [dot(head), name(head[1]), arrow(), make("bdi", label), arrow(), dot(tail), name(tail[1])];
}

// Why a sentence is evidence
const KINDS = new Map([
  ["both-entities", "sentences in which head and tail stand"],
  ["nearest-mentions", "sentences of the two mentions that are closest"],
  ["context", "sentences that the model's context points to"],
]);
