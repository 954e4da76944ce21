SwaggerUIBundle({
  url: location.pathname.replace(/\/docs$/, "/openapi.json"),
  dom_id: "#docs",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // no other host is to see the description
});
