"""What people and programs reach over HTTP: the API, the event stream, metrics, and the page."""

from pycluster.web.authorise import Access
from pycluster.web.bounds import Bounds
from pycluster.web.server import LazyServer
from pycluster.web.site import site

__all__ = ["Access", "Bounds", "LazyServer", "site"]
