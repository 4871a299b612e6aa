const place = document.getElementById("document");
Redoc.init(place.dataset.source, {
  hideDownloadButtons: true,
  requiredPropsFirst: true,
  scrollYOffset: "nav",
  theme: {
    typography: {
      fontFamily: "system-ui, sans-serif",
      headings: { fontFamily: "system-ui, sans-serif" },
      code: { fontFamily: "ui-monospace, monospace" },
    },
  },
}, place);
