from accounts.views import Router
from notifications.api import ChannelViewSet, DeliveryViewSet, PreferenceViewSet

router = Router()
router.register("notification-channels", ChannelViewSet, basename="channel")
router.register("notifications", DeliveryViewSet, basename="notification")
router.register(
    "notification-preferences", PreferenceViewSet, basename="notification-preference"
)
urlpatterns = router.urls
