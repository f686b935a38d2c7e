"""The figures, each as an interactive (Plotly) and as a static (matplotlib) one."""
