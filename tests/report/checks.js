"use strict";
// What a reader sees: said on the console, one line for each fault, and at the end `checks of WIDTH THEME: passed`.
setTimeout(() => {
  const faults = [];
  const name = e => `${e.tagName.toLowerCase()}${e.id ? "#" + e.id : ""} "${(e.textContent || e.alt || "").trim().slice(0, 40)}"`;
  const visible = e => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden";
  if (document.documentElement.dataset.ready !== "yes") faults.push("the page is not built");
  if (document.querySelectorAll("section").length < 5) faults.push("fewer than 5 parts");
  for (const s of document.querySelectorAll("section")) {
    if (!s.querySelector("svg, img, table, .finding, .healthy")) faults.push(`a part without content: ${s.id}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`wider than the page: ${document.documentElement.scrollWidth}`);
  for (const e of document.querySelectorAll("main *")) {
    const inside = e.parentElement.closest(".scroll, nav, svg");
    if (!inside && visible(e) && e.getBoundingClientRect().right > innerWidth + 1) faults.push(`beyond the right edge: ${name(e)}`);
  }
  for (const svg of document.querySelectorAll(".chart svg[role=img]")) {
    if (!svg.getAttribute("aria-label")) faults.push(`a picture without words: ${name(svg)}`);
  }
  for (const img of document.images) {
    if (!img.alt || !img.complete || img.naturalWidth === 0) faults.push(`an image without words or pixels: ${name(img)}`);
  }

  // Words of an axis, and of the page, that lie on each other.
  const overlap = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1.5 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  for (const svg of document.querySelectorAll(".chart svg")) {
    const words = [...svg.querySelectorAll("text")].filter(t => t.textContent.trim() && visible(t) && !t.closest("[aria-label=tip]"));
    const boxes = words.map(t => t.getBoundingClientRect());
    const tilted = words.map(t => /rotate/.test(t.getAttribute("transform") || ""));
    for (let i = 0; i < words.length; ++i) {
      for (let j = 0; j < i; ++j) {
        if (!tilted[i] && !tilted[j] && overlap(boxes[i], boxes[j])) faults.push(`words on each other: ${name(words[i])}, ${name(words[j])} in ${svg.getAttribute("aria-label")}`);
      }
    }
  }

  // Contrast of text against what is behind it.
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = color => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const color = rgba(getComputedStyle(e).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255];
  };
  const seen = new Set();
  for (const e of document.querySelectorAll("main *")) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !visible(e) || e.closest(".chart [aria-label=text], [aria-label=tip]")) continue;
    const color = rgba(e instanceof SVGElement ? getComputedStyle(e).fill : getComputedStyle(e).color);
    const [a, b] = [light(color), light(ground(e))].sort((x, y) => y - x);
    const contrast = (a + .05) / (b + .05);
    if (contrast < 4.5 && !seen.has(e.className + e.tagName)) {
      seen.add(e.className + e.tagName);
      faults.push(`contrast ${contrast.toFixed(2)}: ${name(e)}`);
    }
  }

  // Everything that can be used is reached by the keyboard and shows that it is.
  for (const e of document.querySelectorAll("a, input, summary, button, .scroll")) {
    if (!visible(e)) continue;
    e.focus({focusVisible: true, preventScroll: true});
    if (document.activeElement !== e) faults.push(`not reached by the keyboard: ${name(e)}`);
    else if (getComputedStyle(e).outlineStyle === "none") faults.push(`focus is not shown: ${name(e)}`);
  }
  for (const e of document.querySelectorAll("input[type=checkbox]")) { e.click(); e.click(); }
  for (const e of document.querySelectorAll("input[type=range]")) {
    e.value = .6;
    e.dispatchEvent(new Event("input"));
  }
  for (const e of document.querySelectorAll("details")) e.open = true;

  const theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  for (const f of faults) console.log(`checks of ${innerWidth} ${theme}: ${f}`);
  if (!faults.length) console.log(`checks of ${innerWidth} ${theme}: passed, height ${document.documentElement.scrollHeight}`);
  else console.log(`checks of: height ${document.documentElement.scrollHeight}`);
}, 500);
