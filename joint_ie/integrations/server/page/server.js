// What the server answers is shown in a frame that may run its own scripts and nothing else; errors get onto the page as text.
const byId = (id) => document.getElementById(id);
const state = byId("state");

function say(text, wrong = false) {
  state.textContent = text;
  state.classList.toggle("wrong", wrong);
}

async function extract() {
  const headers = { "Content-Type": "application/json", Accept: "text/html" };
  if (byId("token").value) headers.Authorization = `Bearer ${byId("token").value.trim()}`;
  const body = JSON.stringify({ text: byId("text").value, id: "text" });
  const response = await fetch("extract", { method: "POST", headers, body });
  if (response.ok) return response.text();
  if (response.status === 401) {
    byId("token-box").hidden = false;
    byId("token").focus();
  }
  throw new Error((await response.json()).error);
}

byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("extract").disabled = true;
  say("Extracting …");
  try {
    byId("shown").srcdoc = await extract();
    byId("shown").hidden = false;
    say("");
  } catch (error) {
    byId("shown").hidden = true;
    say(error instanceof TypeError ? "The server cannot be reached." : error.message, true);
  }
  byId("extract").disabled = false;
});
byId("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("form").requestSubmit();
});
