"""The WSGI entry: `gunicorn wsgi:app`. Settings come from the environment."""

from incident_service import create_app, logs
from incident_service.config import Settings

settings = Settings.from_environ()
logs.configure(settings.log_level)
app = create_app(settings)
