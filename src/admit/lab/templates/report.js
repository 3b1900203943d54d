"use strict";
(() => {
  const form = document.getElementById("asked");
  const known = JSON.parse(document.getElementById("answers").textContent);
  const names = ["clients", "within", "servers", "outsiders", "failure"];
  const at = (id) => document.getElementById(id);
  const list = (id, numbers) => at(id).replaceChildren(...numbers.map((number) => {
    const line = document.createElement("li");
    line.textContent = known.sentences[number];
    return line;
  }));
  const show = () => {
    const chosen = names.map((name) => form.elements[name].value);
    const [title, why, others, found] = known.answers[chosen.join("|")];
    at("choice").textContent = known.sentences[title];
    at("advised").classList.toggle("nothing", !found);
    at("for").textContent = [...form.querySelectorAll("input:checked + span")].map((it) => it.textContent).join(" · ");
    list("why", why);
    list("others", others);
    at("others-h").hidden = others.length === 0;
  };
  form.addEventListener("change", show);
  form.hidden = false;
  show();
  addEventListener("beforeprint", () => document.querySelectorAll("figure details").forEach((it) => { it.open = true; }));
})();
