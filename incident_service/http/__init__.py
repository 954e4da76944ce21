"""What the faces share: blueprint, bodies, fields, error responses, middleware, limits, metrics."""
