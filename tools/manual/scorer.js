/* How high a page stands among what the search found: who works comes first, who asks why last. */
"use strict";

var Scorer = {
  score: ([page, , , , score]) => {
    if (page.startsWith("decisions/")) return score - 20;
    if (["changelog", "contributing", "architecture", "proof"].includes(page)) return score - 10;
    return score;
  },
  // Sphinx's own numbers, which a scorer has to name.
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
