const templates = {{ plotly_templates }};
const palette = {{ colours | list | tojson }};
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const paper = window.matchMedia("print");

// From no row to all rows of a class; white would glare on a dark page.
// (The script's own "Blues" run the other way round than those of the Python library.)
const shares = {light: [[0, "#f7fbff"], [0.5, "#6baed6"], [1, "#08306b"]], dark: [[0, "#1e2329"], [1, "#6db9ea"]]};

// Figures follow the page from light to dark and back, and fit the paper when it is printed.
function paint(printing) {
  const look = dark.matches && !printing ? "dark" : "light";
  for (const folded of document.querySelectorAll("details")) {
    if (printing && !folded.open) folded.dataset.unfolded = folded.open = true;
    if (!printing && folded.dataset.unfolded) { folded.open = false; delete folded.dataset.unfolded; }
  }
  for (const figure of document.querySelectorAll(".js-plotly-plot")) {
    figure.data.forEach((trace, place) => trace.meta === "shares"
      && Plotly.restyle(figure, {colorscale: [shares[look]]}, [place]));
    figure.dataset.height ||= figure.layout.height;
    // Lower on paper, so that two fit on a page.
    const height = figure.dataset.height * (printing ? 0.75 : 1);
    figure.style.height = height + "px";
    Plotly.relayout(figure, {template: templates[look], height,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      autosize: !printing, width: printing ? 680 : null});
  }
}

// What is wider than the screen says that it scrolls.
function hintAtScrolling() {
  for (const each of document.querySelectorAll(".wide")) {
    each.classList.toggle("scrolls", each.scrollWidth > each.clientWidth + 1);
  }
}
window.addEventListener("resize", hintAtScrolling);
