// Live progress of a job: rows of the table and a learning curve for each measure, from server-sent
// events. The table is complete without this script; the curves are drawn from the same lines.
"use strict";

(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const WIDTH = 360;
  const HEIGHT = 200;
  const EDGE = { left: 50, right: 12, top: 14, bottom: 28 };
  const percent = (share) => `${(share * 100).toFixed(1)} %`;
  const number = (value) => value.toFixed(4).replace("-", "−");
  const MEASURES = [
    { key: "accuracy", title: "Accuracy on the held-out split", show: percent },
    { key: "loss", title: "Log loss on the held-out split", show: number },
    { key: "epsilon_so_far", title: "ε so far", show: number },
  ];

  const live = document.getElementById("live");
  if (!live) return;
  const wasLive = live.dataset.live === "true";
  const status = document.getElementById("live-status");
  const panels = document.getElementById("panels");
  const table = document.getElementById("progress-table");
  const lines = new Map();

  function element(name, attributes, text) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  // Axis from the data with a margin; a flat curve gets room of its own.
  function range(values) {
    const low = Math.min(...values);
    const high = Math.max(...values);
    const margin = Math.max((high - low) * 0.1, Math.abs(high) * 0.01, 1e-6);
    return { low: Math.max(0, low - margin), high: high + margin };
  }

  function curve(measure, points, steps) {
    const values = points.map((line) => line[measure.key]);
    const { low, high } = range(values);
    const x = (step) => EDGE.left + (step / Math.max(steps, 1)) * (WIDTH - EDGE.left - EDGE.right);
    const y = (value) =>
      HEIGHT - EDGE.bottom - ((value - low) / (high - low)) * (HEIGHT - EDGE.top - EDGE.bottom);
    const last = points[points.length - 1];
    const ids = [`curve-${measure.key}-title`, `curve-${measure.key}-description`];
    const svg = element("svg", {
      class: "chart", role: "img", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-labelledby": ids.join(" "),
    });
    svg.append(element("title", { id: ids[0] }, measure.title));
    svg.append(element("desc", { id: ids[1] },
      `${points.length} measurements, from ${measure.show(values[0])} at step ${points[0].step} ` +
      `to ${measure.show(last[measure.key])} at step ${last.step} of ${steps}.`));
    for (const value of [low, (low + high) / 2, high]) {
      svg.append(element("line", { class: "grid", x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(value), y2: y(value) }));
      svg.append(element("text", { class: "tick", x: EDGE.left - 5, y: y(value) + 4, "text-anchor": "end" },
        measure.key === "accuracy" ? `${(value * 100).toFixed(1)}%` : value.toPrecision(3)));
    }
    svg.append(element("text", { class: "tick", x: EDGE.left, y: HEIGHT - 9 }, "step 0"));
    svg.append(element("text", { class: "tick", x: WIDTH - EDGE.right, y: HEIGHT - 9, "text-anchor": "end" }, `${steps}`));
    const path = points.map((line, i) => `${i ? "L" : "M"}${x(line.step).toFixed(1)} ${y(line[measure.key]).toFixed(1)}`);
    svg.append(element("path", { class: "curve", d: path.join("") }));
    svg.append(element("circle", { class: "dot", cx: x(last.step), cy: y(last[measure.key]), r: 4 }));
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.textContent = `${measure.title}: ${measure.show(last[measure.key])}`;
    figure.append(svg, caption);
    return figure;
  }

  function draw() {
    const all = [...lines.entries()].sort((a, b) => a[0] - b[0]).map((entry) => entry[1]);
    const figures = MEASURES.flatMap((measure) => {
      const points = all.filter((line) => Number.isFinite(line[measure.key]));
      return points.length ? [curve(measure, points, all[all.length - 1].steps)] : [];
    });
    panels.replaceChildren(...figures);
  }

  // Rows read as those that the server writes.
  function addRow(sequence, line) {
    if (table.tBodies[0].querySelector(`[data-sequence="${sequence}"]`)) return;
    const row = table.tBodies[0].insertRow();
    row.dataset.sequence = sequence;
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = `${line.step} of ${line.steps}`;
    row.append(head);
    for (const measure of MEASURES) {
      const cell = row.insertCell();
      cell.className = "right";
      cell.textContent = Number.isFinite(line[measure.key]) ? measure.show(line[measure.key]) : "—";
    }
    table.hidden = false;
    document.getElementById("no-progress")?.remove();
  }

  const source = new EventSource(live.dataset.source);
  source.addEventListener("progress", (event) => {
    const sequence = Number(event.lastEventId);
    const line = JSON.parse(event.data);
    // A new attempt counts from zero again.
    if (lines.has(sequence) && lines.get(sequence).step > line.step) {
      lines.clear();
      table.tBodies[0].replaceChildren();
    }
    lines.set(sequence, line);
    addRow(sequence, line);
    draw();
    if (!wasLive) return;
    document.getElementById("job-state").textContent = "running";
    status.textContent = `Live: step ${line.step} of ${line.steps}.`;
  });
  source.addEventListener("ended", (event) => {
    source.close();
    if (!wasLive) return;
    const { state } = JSON.parse(event.data);
    document.getElementById("job-state").textContent = state;
    status.textContent = `The job has ended: ${state}. `;
    const again = document.createElement("a");
    again.href = location.pathname;
    again.textContent = "Load the page again for its result";
    status.append(again);
  });
  if (wasLive) status.textContent = "Live.";
})();
