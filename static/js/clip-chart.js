/** <clip-chart>: draws the table that is in it, with the colors that the style sheet gives its
    canvas. chart.js is a classic script of the page, which sets `Chart`. */
import { byteStep, shorten } from "./chart_labels.js";
import { fileSize } from "./units.js";

const LINES = 4; // about as many lines as a grid has
const FONT_SIZE = 12; // pixels

class ClipChart extends HTMLElement {
  /** @type {HTMLCanvasElement} */
  canvas;
  /** @type {{ destroy(): void } | undefined} */
  chart;
  /** @type {{ label: string, short: string, text: string, value: number }[]} */
  rows = [];
  themeObserver = new MutationObserver(() => this.draw());
  colorQueries = [
    matchMedia("(prefers-color-scheme: dark)"),
    matchMedia("(forced-colors: active)"),
  ];
  redraw = () => this.draw();

  connectedCallback() {
    this.canvas = this.querySelector("canvas");
    this.rows = [...this.querySelectorAll("tbody tr")].map((row) => ({
      label: row.cells[0].textContent.trim(),
      short: row.dataset.short,
      text: row.cells[1].textContent.trim(),
      value: Number(row.dataset.value),
    }));
    this.themeObserver.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    for (const query of this.colorQueries) query.addEventListener("change", this.redraw);
    this.draw();
  }

  disconnectedCallback() {
    this.themeObserver.disconnect();
    for (const query of this.colorQueries) query.removeEventListener("change", this.redraw);
    this.chart?.destroy();
  }

  /** Draws without animation, which would only delay what there is to see. */
  draw() {
    this.chart?.destroy();
    const colors = getComputedStyle(this.canvas);
    const font = { family: colors.fontFamily, size: FONT_SIZE };
    const isShare = this.dataset.kind === "share";
    const names = this.namesAxis(colors, font, isShare);
    const values = this.valuesAxis(colors, font);
    this.chart = new window.Chart(this.canvas, {
      type: this.dataset.kind === "line" ? "line" : "bar",
      data: { labels: this.rows.map((row) => row.short), datasets: [this.series(colors)] },
      options: {
        animation: false,
        maintainAspectRatio: false,
        indexAxis: isShare ? "y" : "x",
        interaction: { mode: "index", axis: isShare ? "y" : "x", intersect: false },
        scales: isShare ? { x: values, y: names } : { x: names, y: values },
        plugins: { legend: { display: false }, tooltip: this.tooltip(colors, font) },
      },
    });
  }

  /** @param {CSSStyleDeclaration} colors */
  series(colors) {
    return {
      data: this.rows.map((row) => row.value),
      backgroundColor: colors.textDecorationColor,
      borderColor: colors.textDecorationColor,
      borderWidth: this.dataset.kind === "line" ? 2 : 0,
      borderRadius: 3,
      maxBarThickness: 24,
      pointRadius: 0,
      pointHitRadius: 16,
    };
  }

  /** @param {CSSStyleDeclaration} colors @param {object} font @param {boolean} isShare */
  namesAxis(colors, font, isShare) {
    const shortened = { callback: (/** @type {number} */ n) => shorten(this.rows[n].short) };
    return {
      border: { color: colors.borderTopColor },
      grid: { display: false },
      ticks: {
        color: colors.color,
        font,
        maxRotation: 0,
        autoSkip: !isShare,
        autoSkipPadding: 12,
        ...(isShare ? shortened : {}),
      },
    };
  }

  /** @param {CSSStyleDeclaration} colors @param {object} font */
  valuesAxis(colors, font) {
    const largest = Math.max(...this.rows.map((row) => row.value));
    const sizes = {
      stepSize: byteStep(largest, LINES),
      callback: (/** @type {number} */ bytes) => fileSize(bytes),
    };
    return {
      beginAtZero: true,
      border: { display: false },
      grid: { color: colors.borderTopColor },
      ticks: {
        color: colors.color,
        font,
        precision: 0,
        maxTicksLimit: LINES + 2,
        ...("bytes" in this.dataset ? sizes : {}),
      },
    };
  }

  /** @param {CSSStyleDeclaration} colors @param {object} font */
  tooltip(colors, font) {
    return {
      displayColors: false,
      backgroundColor: getComputedStyle(this).color,
      titleColor: colors.backgroundColor,
      bodyColor: colors.backgroundColor,
      titleFont: font,
      bodyFont: font,
      callbacks: {
        title: (/** @type {{ dataIndex: number }[]} */ items) =>
          items.map((item) => this.rows[item.dataIndex].label),
        label: (/** @type {{ dataIndex: number }} */ item) => this.rows[item.dataIndex].text,
      },
    };
  }
}

customElements.define("clip-chart", ClipChart);
