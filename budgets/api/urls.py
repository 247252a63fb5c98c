from accounts.api.base import Router
from budgets.api.views import BudgetViewSet

router = Router()
router.register("budgets", BudgetViewSet, basename="budget")
urlpatterns = router.urls
