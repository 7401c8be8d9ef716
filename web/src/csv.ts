// What is shown, as CSV: by the rules of schemas/plan_csv.py.

/** A cell that no spreadsheet takes for a formula. */
function harmless(cell: string | number): string {
  const text = String(cell);
  return "=+-@".includes(text.slice(0, 1).normalize("NFKC") || " ") ? `'${text}` : text;
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replace(/"/g, '""')}"` : cell;
}

export function csv(rows: (string | number)[][]): string {
  return rows.map((row) => row.map((cell) => quoted(harmless(cell))).join(",")).join("\n") + "\n";
}

export function save(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
