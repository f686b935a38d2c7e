const templates = {{ plotly_templates }};
const palette = {{ colours | list | tojson }};
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const paper = window.matchMedia("print");

// Figures follow the page from light to dark and back, and fit the paper when it is printed.
function paint(printing) {
  for (const figure of document.querySelectorAll(".js-plotly-plot")) {
    Plotly.relayout(figure, {template: templates[dark.matches && !printing ? "dark" : "light"],
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      autosize: !printing, width: printing ? 680 : null});
  }
}
