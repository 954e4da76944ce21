"""The WSGI entry: `gunicorn wsgi:app`. Settings come from the environment."""

from incident_service import create_app
from incident_service.config import Settings
from incident_service.serving import logs

settings = Settings.from_environ()
logs.configure(settings.log_level)
app = create_app(settings)
