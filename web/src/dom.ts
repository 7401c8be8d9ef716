// Makes elements. Texts are set as texts, never read as HTML: names are of strangers' making.

export type Child = Node | string | number | null | undefined | false;
type Attributes = Record<string, string | number | boolean | ((event: Event) => void) | undefined>;

export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag, attributes: Attributes = {}, ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined) made.setAttribute(name, String(value));
  }
  made.append(...children.filter((each) => each !== null && each !== undefined && each !== false)
    .map((each) => (typeof each === "number" ? count(each) : (each as Node | string))));
  return made;
}

export function count(number: number): string {
  return number.toLocaleString("en-US");
}

export function plural(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

export function percent(part: number, whole: number): string {
  if (!whole) return "none";
  // Never rounded to what it is not: 100% is all of them, 0% none.
  const share = (100 * part) / whole;
  if (part !== whole && share > 99.9) return "99.9%";
  if (part !== 0 && share < 0.1) return "0.1%";
  return `${Math.round(share * 10) / 10}%`;
}
