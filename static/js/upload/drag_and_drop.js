/** Files that are dropped or pasted anywhere on the page, and rows that are dragged. */

/** @param {ClipUpload} page @param {(files: File[]) => void} onFiles */
export function acceptFiles(page, onFiles) {
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
  let depth = 0; // of the elements that the pointer has entered
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    page.dataset.over = "";
  });
  addEventListener("dragleave", (event) => {
    if (!hasFiles(event)) return;
    depth -= 1;
    if (depth <= 0) delete page.dataset.over;
  });
  addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    delete page.dataset.over;
    onFiles([...(event.dataTransfer?.files ?? [])]);
  });
  addEventListener("paste", (event) => {
    const { files } = event.clipboardData ?? {};
    if (files?.length) onFiles([...files]);
  });
}

/** Lets a mouse drag a row by its thumbnail. Touch and keyboard use the row's buttons.
    @param {Batch} batch */
export function orderByDragging(batch) {
  /** @type {HTMLElement} */
  const list = batch.list;
  /** @type {any} */
  let dragged = null;
  list.addEventListener("dragstart", (event) => {
    if (!event.target.closest?.("[data-handle]")) return;
    const row = event.target.closest("li");
    if (row.uploadRow.state !== "chosen" || !event.dataTransfer) {
      event.preventDefault();
      return;
    }
    dragged = row;
    dragged.dataset.dragged = "";
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", "");
    event.dataTransfer.setDragImage(dragged, 0, 0);
  });
  list.addEventListener("dragover", (event) => {
    const over = event.target.closest?.("li");
    if (!dragged || !over) return;
    event.preventDefault();
    if (over === dragged || over.uploadRow.state !== "chosen") return;
    const { top, height } = over.getBoundingClientRect();
    list.insertBefore(dragged, event.clientY < top + height / 2 ? over : over.nextSibling);
  });
  list.addEventListener("drop", (event) => {
    if (dragged) event.preventDefault();
  });
  list.addEventListener("dragend", () => {
    if (!dragged) return;
    delete dragged.dataset.dragged;
    const rows = [.../** @type {any} */ (list.children)];
    const chosen = rows.filter((row) => row.uploadRow.state === "chosen");
    batch.move(dragged.uploadRow, chosen.indexOf(dragged));
    dragged = null;
  });
}
