from accounts.api.base import Router
from notifications.api.views import ChannelViewSet, DeliveryViewSet, PreferenceViewSet

router = Router()
router.register("notification-channels", ChannelViewSet, basename="channel")
router.register("notifications", DeliveryViewSet, basename="notification")
router.register(
    "notification-preferences", PreferenceViewSet, basename="notification-preference"
)
urlpatterns = router.urls
