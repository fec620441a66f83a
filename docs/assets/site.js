// What scrolls sideways must be reached by the keyboard too, and what opens over the page needs a name.
document$.subscribe(() => {
  for (const each of document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset math[display=block], .formula"))
    if (each.scrollWidth > each.clientWidth) each.setAttribute("tabindex", "0");
  document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
});
